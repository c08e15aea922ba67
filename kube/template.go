package kube

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/Masterminds/sprig/v3"
	corev1 "k8s.io/api/core/v1"
)

// Limits of a template in pvcSpec. They are counted, not timed: the same template then has the same outcome on every
// machine, and a busy daemon refuses nothing that an idle one accepts.
const (
	templateOutput = 4 << 10 // bytes that one string may render to
	templateValue  = 4 << 10 // bytes and elements that a value inside the template may have
	templateSteps  = 2000    // function calls and turns of loops
)

var (
	errTemplateSteps  = errors.New("it takes more than 2000 steps; use fewer or shorter loops")
	errTemplateValue  = errors.New("a value in it grows over 4 KiB; make it smaller")
	errTemplateOutput = errors.New("it renders to more than 4 KiB; names and selectors are shorter")
	errTemplateUnlike = errors.New("it renders differently each time; the claim would never be as wanted")
)

// templateData is what templates can ask for.
type templateData struct {
	BrokerId  int32 // the name that users' templates have
	MountPath string
}

// templateError says which string of a claim's spec could not be rendered.
type templateError struct {
	path string // field below pvcSpec
	err  error
}

func (e *templateError) Error() string {
	if e.path == "" {
		return e.err.Error()
	}
	return e.path + ": " + e.err.Error()
}

func (e *templateError) Unwrap() error { return e.err }

// renderClaimSpec renders the templates in all strings of a claim's spec.
func renderClaimSpec(spec *corev1.PersistentVolumeClaimSpec, data templateData) (*corev1.PersistentVolumeClaimSpec, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, &templateError{err: err}
	}
	if !bytes.Contains(text, []byte("{{")) {
		return spec.DeepCopy(), nil
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		return nil, &templateError{err: err}
	}
	if tree, err = renderTree("", tree, data); err != nil {
		return nil, err
	}
	if text, err = json.Marshal(tree); err != nil {
		return nil, &templateError{err: err}
	}
	rendered := &corev1.PersistentVolumeClaimSpec{}
	if err := json.Unmarshal(text, rendered); err != nil {
		return nil, &templateError{err: err}
	}
	return rendered, nil
}

func renderTree(path string, node any, data templateData) (any, error) {
	switch node := node.(type) {
	case string:
		rendered, err := renderString(node, data)
		if err != nil {
			return nil, &templateError{path: path, err: err}
		}
		return rendered, nil
	case []any:
		for i := range node {
			child, err := renderTree(fmt.Sprintf("%s[%d]", path, i), node[i], data)
			if err != nil {
				return nil, err
			}
			node[i] = child
		}
		return node, nil
	case map[string]any:
		for _, key := range sortedKeys(node) {
			child, err := renderTree(strings.TrimPrefix(path+"."+key, "."), node[key], data)
			if err != nil {
				return nil, err
			}
			node[key] = child
		}
		return node, nil
	default:
		return node, nil
	}
}

// renderString renders one template twice: what comes out must depend on the broker alone.
func renderString(text string, data templateData) (string, error) {
	if !strings.Contains(text, "{{") {
		return text, nil
	}
	first, err := renderOnce(text, data)
	if err != nil {
		return "", err
	}
	second, err := renderOnce(text, data)
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errTemplateUnlike
	}
	return first, nil
}

func renderOnce(text string, data templateData) (string, error) {
	if len(text) > templateOutput {
		return "", fmt.Errorf("the template is longer than %d bytes", templateOutput)
	}
	budget := &budget{steps: templateSteps}
	parsed, err := template.New("pvcSpec").Option("missingkey=error").Funcs(budget.functions(text)).Parse(text)
	if err != nil {
		return "", err
	}
	if len(parsed.Templates()) > 1 {
		return "", errors.New("define and block are not available here")
	}
	if parsed.Tree != nil {
		if err := countLoops(parsed.Tree, parsed.Root); err != nil {
			return "", err
		}
	}
	out := &limitedWriter{budget: budget}
	if err := parsed.Execute(out, data); err != nil {
		return "", err
	}
	return out.text.String(), nil
}

// countLoops passes what a range goes over through the function turns, so that empty loops use up the budget too.
func countLoops(tree *parse.Tree, node parse.Node) error {
	switch node := node.(type) {
	case *parse.ListNode:
		if node == nil {
			return nil
		}
		for _, child := range node.Nodes {
			if err := countLoops(tree, child); err != nil {
				return err
			}
		}
	case *parse.IfNode:
		return countBranches(tree, &node.BranchNode)
	case *parse.WithNode:
		return countBranches(tree, &node.BranchNode)
	case *parse.RangeNode:
		name := parse.NewIdentifier("turns").SetTree(tree).SetPos(node.Pipe.Pos)
		node.Pipe.Cmds = append(node.Pipe.Cmds, &parse.CommandNode{
			NodeType: parse.NodeCommand, Pos: node.Pipe.Pos, Args: []parse.Node{name},
		})
		return countBranches(tree, &node.BranchNode)
	case *parse.TemplateNode:
		return errors.New("template is not available here") // it could call itself
	}
	return nil
}

func countBranches(tree *parse.Tree, branch *parse.BranchNode) error {
	if err := countLoops(tree, branch.List); err != nil {
		return err
	}
	return countLoops(tree, branch.ElseList)
}

// budget is what one rendering may still use.
type budget struct{ steps int }

func (b *budget) spend(steps int) error {
	if b.steps -= steps; b.steps < 0 {
		return errTemplateSteps
	}
	return nil
}

// turns takes the length of a loop from the budget before it begins.
func (b *budget) turns(over any) (any, error) {
	value := reflect.ValueOf(over)
	switch value.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map, reflect.String:
		return over, b.spend(1 + value.Len())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return over, b.spend(1 + int(min(max(value.Int(), 0), templateSteps+1)))
	default:
		return nil, fmt.Errorf("range over %T is not available here", over)
	}
}

// functions are those of sprig that depend on nothing but their arguments, and cannot change them: a dict that is
// made to hold itself could never be printed. Names that text/template brings are wrapped too. Functions that the text
// does not mention are left out: wrapping all of them for each of a thousand brokers takes most of the time.
func (b *budget) functions(text string) template.FuncMap {
	functions := template.FuncMap{"turns": b.turns}
	all := sprig.TxtFuncMap()
	for _, name := range templateFunctions() {
		if strings.Contains(text, name) {
			functions[name] = b.wrap(all[name])
		}
	}
	functions["print"], functions["println"], functions["printf"] = b.wrap(fmt.Sprint), b.wrap(fmt.Sprintln), b.wrap(printf)
	functions["html"], functions["js"] = b.wrap(template.HTMLEscaper), b.wrap(template.JSEscaper)
	functions["urlquery"] = b.wrap(template.URLQueryEscaper)
	return functions
}

// printf refuses what makes much out of a number.
func printf(format string, args ...any) (string, error) {
	digits := 0
	for _, r := range format {
		if digits++; r < '0' || r > '9' {
			digits = 0
		}
		if digits > 2 || r == '*' {
			return "", errors.New("printf takes no width over 99 here")
		}
	}
	return fmt.Sprintf(format, args...), nil
}

// templateFunctions is a list of what is let in, not of what is kept out: a later sprig may bring anything. Left out
// are time, random, network, environment and files, keys and slow hashes, what changes its arguments (set, merge), and
// what makes much out of a number (repeat, indent, until, seq).
func templateFunctions() []string {
	return strings.Fields(`
		trim trimAll trimSuffix trimPrefix trimall upper lower title untitle substr nospace trunc abbrev initials
		contains hasPrefix hasSuffix quote squote cat replace snakecase camelcase kebabcase plural
		split splitList splitn join sortAlpha toString toStrings
		add add1 sub mul div mod max min biggest ceil floor round addf subf mulf divf maxf minf
		atoi int int64 float64 toDecimal
		default empty coalesce all any compact ternary fail
		list first last rest initial append prepend reverse uniq without has slice concat dict get hasKey keys values
		pluck pick omit dig
		fromJson mustFromJson toJson mustToJson
		b64enc b64dec b32enc b32dec sha1sum sha256sum adler32sum
		regexMatch regexFind regexReplaceAll regexReplaceAllLiteral mustRegexMatch mustRegexFind
		semver semverCompare kindOf kindIs typeOf typeIs deepEqual base dir clean ext isAbs`)
}

// wrap makes a function count as a step and refuse a result that is too large: by doubling a value with each step
// even a short template would fill the memory.
func (b *budget) wrap(function any) any {
	original := reflect.ValueOf(function)
	kind := original.Type()
	in := make([]reflect.Type, kind.NumIn())
	for i := range in {
		in[i] = kind.In(i)
	}
	failure := reflect.TypeFor[error]()
	wrapped := reflect.FuncOf(in, []reflect.Type{kind.Out(0), failure}, kind.IsVariadic())
	return reflect.MakeFunc(wrapped, func(args []reflect.Value) []reflect.Value {
		result := []reflect.Value{reflect.Zero(kind.Out(0)), reflect.Zero(failure)}
		if err := b.spend(1); err != nil {
			result[1] = reflect.ValueOf(&err).Elem()
			return result
		}
		var got []reflect.Value
		if kind.IsVariadic() {
			got = original.CallSlice(args)
		} else {
			got = original.Call(args)
		}
		copy(result, got)
		if left := templateValue; !fits(got[0], &left) {
			err := errTemplateValue
			result[0], result[1] = reflect.Zero(kind.Out(0)), reflect.ValueOf(&err).Elem()
		}
		return result
	}).Interface()
}

// fits counts the bytes and elements of a value, those of shared parts as often as they would be printed.
func fits(value reflect.Value, left *int) bool {
	if *left--; *left < 0 {
		return false
	}
	switch value.Kind() {
	case reflect.String:
		*left -= value.Len()
	case reflect.Interface, reflect.Pointer:
		return value.IsNil() || fits(value.Elem(), left)
	case reflect.Slice, reflect.Array:
		for i := 0; i < value.Len(); i++ {
			if !fits(value.Index(i), left) {
				return false
			}
		}
	case reflect.Map:
		for _, key := range value.MapKeys() {
			if !fits(key, left) || !fits(value.MapIndex(key), left) {
				return false
			}
		}
	}
	return *left >= 0
}

type limitedWriter struct {
	text   strings.Builder
	budget *budget
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	if w.text.Len()+len(p) > templateOutput {
		return 0, errTemplateOutput
	}
	return w.text.Write(p)
}

func hasTemplate(spec *corev1.PersistentVolumeClaimSpec) bool {
	text, err := json.Marshal(spec)
	return err != nil || bytes.Contains(text, []byte("{{"))
}
