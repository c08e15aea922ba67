package kube

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRenderString(t *testing.T) {
	tests := map[string]struct{ text, want, fail string }{
		"no template":                {text: "plain", want: "plain"},
		"the broker's id":            {text: "disk-{{ .BrokerId }}", want: "disk-7"},
		"the mount path":             {text: `{{ .MountPath | trimPrefix "/" | replace "/" "-" }}`, want: "data-kafka"},
		"arithmetic":                 {text: `{{ mod .BrokerId 3 }}`, want: "1"},
		"a condition":                {text: `{{ if has .BrokerId (list 1 2) }}a{{ else }}b{{ end }}`, want: "b"},
		"a list of zones":            {text: `{{ index (list "a" "b" "c") (int (mod .BrokerId 3)) }}`, want: "b"},
		"a short loop":               {text: `{{ range $i, $z := list "a" "b" }}{{ $i }}{{ $z }}{{ end }}`, want: "0a1b"},
		"printf with a width":        {text: `{{ printf "%03d" .BrokerId }}`, want: "007"},
		"the user's own failure":     {text: `{{ fail "no disk for you" }}`, fail: "no disk for you"},
		"a field that is not there":  {text: `{{ .Secret }}`, fail: "Secret"},
		"a syntax error":             {text: `{{ if }}`, fail: "missing value for if"},
		"an output that is too long": {text: `{{ range list 1 2 3 4 5 }}` + strings.Repeat("x", 1000) + `{{ end }}`, fail: errTemplateOutput.Error()},
		"a value that doubles":       {text: `{{ $s := "xxxxxxxx" }}` + strings.Repeat(`{{ $s = print $s $s }}`, 40), fail: errTemplateValue.Error()},
		"a list that doubles":        {text: `{{ $l := list 1 }}` + strings.Repeat(`{{ $l = list $l $l }}`, 40) + `{{ $l }}`, fail: errTemplateValue.Error()},
		"a loop over a number":       {text: `{{ range 1000000000 }}{{ end }}`, fail: errTemplateSteps.Error()},
		"loops in loops":             {text: strings.Repeat(`{{ range 100 }}`, 5) + strings.Repeat(`{{ end }}`, 5), fail: errTemplateSteps.Error()},
		"a template of one's own":    {text: `{{ define "x" }}{{ template "x" }}{{ end }}{{ template "x" }}`, fail: "not available"},
		"a template that calls itself": {
			text: `{{ template "pvcSpec" . }}`, fail: "not available",
		},
		"a huge width":             {text: `{{ printf "%1000000d" 1 }}`, fail: "no width over 99"},
		"a width from a value":     {text: `{{ printf "%*d" 1000000 1 }}`, fail: "no width over 99"},
		"text that explodes":       {text: `{{ $s := "` + strings.Repeat("x", 2000) + `" }}{{ replace "" $s $s }}`, fail: errTemplateValue.Error()},
		"a very long template":     {text: "{{ 1 }}" + strings.Repeat("x", 5000), fail: "longer than"},
		"the environment":          {text: `{{ env "HOME" }}`, fail: `function "env" not defined`},
		"its expansion":            {text: `{{ expandenv "$HOME" }}`, fail: `not defined`},
		"the network":              {text: `{{ getHostByName "example.com" }}`, fail: `not defined`},
		"the time":                 {text: `{{ now }}`, fail: `not defined`},
		"random text":              {text: `{{ randAlphaNum 5 }}`, fail: `not defined`},
		"a new id":                 {text: `{{ uuidv4 }}`, fail: `not defined`},
		"a key":                    {text: `{{ genPrivateKey "rsa" }}`, fail: `not defined`},
		"a dict that holds itself": {text: `{{ $d := dict }}{{ $_ := set $d "a" $d }}{{ $d }}`, fail: `not defined`},
		"much out of a number":     {text: `{{ repeat 1000000000 "x" }}`, fail: `not defined`},
		"a call of a value":        {text: `{{ call .BrokerId }}`, fail: "call"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := renderString(test.text, templateData{BrokerId: 7, MountPath: "/data/kafka"})
			if test.fail != "" {
				require.ErrorContains(t, err, test.fail)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestTemplateFunctionsExist(t *testing.T) {
	others := []string{"env", "expandenv", "getHostByName", "now", "uuidv4", "randInt", "set", "merge", "repeat", "until"}
	functions := (&budget{}).functions(strings.Join(append(others, templateFunctions()...), " "))
	for _, name := range templateFunctions() {
		require.NotNil(t, functions[name], name)
	}
	for _, name := range others {
		require.Nil(t, functions[name], name)
	}
}

func TestTemplateErrorsNameTheField(t *testing.T) {
	spec := claimSpec("1Gi")
	name := "{{ .Nothing }}"
	spec.StorageClassName = &name
	_, err := renderClaimSpec(spec, templateData{})
	require.ErrorContains(t, err, "storageClassName: ")
}

// Whatever a template says, it ends soon, does not panic, gives the same each time and stays small.
func FuzzRenderString(f *testing.F) {
	for _, seed := range []string{
		"{{ .BrokerId }}", `{{ range $i := list 1 2 }}{{ $i }}{{ end }}`, `{{ with $x := dict "a" 1 }}{{ $x.a }}{{ end }}`,
		`{{ $s := "x" }}{{ range 100 }}{{ $s = print $s $s }}{{ end }}`, `{{ toJson (dict "a" (list 1 2)) }}`,
		`{{ regexReplaceAll "(a+)+$" "aaaaaaaaaaaaaaaaaaaaaaaab" "x" }}`, `{{ substr 5 2 "abc" }}`, `{{ index (list) 3 }}`,
		`{{ trunc -5 "abc" }}`, `{{ splitn "" 3 "abc" }}`, `{{ slice (list 1 2) 5 1 }}`, `{{ div 1 0 }}`, `{{ semver "x" }}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		begin := time.Now()
		data := templateData{BrokerId: 7, MountPath: "/kafka-logs"}
		first, err := renderString(text, data)
		require.Less(t, time.Since(begin), 10*time.Second)
		if err != nil {
			return
		}
		second, err := renderString(text, data)
		require.NoError(t, err)
		require.Equal(t, first, second)
		if strings.Contains(text, "{{") {
			require.LessOrEqual(t, len(first), templateOutput)
		}
	})
}
