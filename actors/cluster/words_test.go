package cluster

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/koperator-go/koperator/kube"
	"github.com/koperator-go/koperator/kube/api/v1beta1"
	"github.com/koperator-go/koperator/messages"
)

func TestWordsThatNobodyTakesAreToldWithThoseThatWouldBe(t *testing.T) {
	lost := map[messages.BrokerID]string{3: "3/1f2e3d4c", 5: "5/0a1b2c3d"}
	for name, test := range map[string]struct {
		allow, consent string
		pause, restart string
		lost           map[messages.BrokerID]string
		zooKeeper      bool
		says           []string
	}{
		"nothing":                                    {lost: lost},
		"the word of the loss":                       {allow: "3/1f2e3d4c", lost: lost},
		"the words of both":                          {allow: "3/1f2e3d4c, 5/0a1b2c3d", lost: lost},
		"a word that has done its work":              {allow: "3/1f2e3d4c"},
		"that of another broker's earlier loss":      {allow: "4/00000000", lost: lost},
		"yes is no such word":                        {allow: "yes", lost: lost, says: []string{`"yes" gives up nothing`, `write "3/1f2e3d4c","5/0a1b2c3d"`}},
		"yes while nothing is lost":                  {allow: "yes", says: []string{"nothing is lost", "DataVolumeLost"}},
		"a broker alone":                             {allow: "3", lost: lost, says: []string{`"3" gives up nothing`}},
		"the word of an earlier loss of that broker": {allow: "3/46303B18", lost: lost, says: []string{`"3/46303B18" is not the loss`, `write "3/1f2e3d4c"`}},
		"consent":                            {consent: "true"},
		"consent without a word":             {consent: ""},
		"consent to the quorum, done or not": {consent: "dynamic-quorum"},
		"bananas":                            {consent: "bananas", says: []string{`"bananas" agrees to nothing`, `"dynamic-quorum"`}},
		"another word for it":                {consent: "yes"},
		"a word that no loss ever had":       {allow: "3/abc", says: []string{`"3/abc" gives up nothing`, "nothing is lost"}},
		"a pause":                            {pause: "true"},
		"no pause":                           {pause: "false"},
		"perhaps a pause":                    {pause: "maybe", says: []string{`"maybe" pauses like every word but "false"`, "remove the annotation"}},
		"a restart of a broker asked of the cluster": {restart: "true", says: []string{"does nothing here", "kubectl annotate pod POD kafka.banzaicloud.io/restart=true"}},
		"a quorum where there is none":               {consent: "dynamic-quorum", zooKeeper: true, says: []string{"no metadata quorum"}},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := demo(0)
			cluster.Spec.KRaft = !test.zooKeeper
			cluster.Annotations = map[string]string{kube.AnnotationAllowDataLoss: test.allow, kube.AnnotationConsent: test.consent}
			if test.pause != "" {
				cluster.Annotations[kube.AnnotationPause] = test.pause
			}
			if test.restart != "" {
				cluster.Annotations[kube.AnnotationRestart] = test.restart
			}
			problems := wordProblems(cluster, test.lost)
			if len(test.says) == 0 {
				require.Empty(t, problems)
				return
			}
			require.Len(t, problems, 1)
			require.Equal(t, messages.SeverityWarning, problems[0].Severity)
			require.Contains(t, problems[0].Field, "metadata.annotations[kafka.banzaicloud.io/")
			for _, says := range test.says {
				require.Contains(t, problems[0].Message, says)
			}
		})
	}
}

func TestAnnotationsThatNobodyKnowsAreTold(t *testing.T) {
	cluster := &v1beta1.KafkaCluster{}
	cluster.Annotations = map[string]string{
		"kafka.banzaicloud.io/pause": "true", "example.com/pause": "true", kube.AnnotationPause: "true", kube.AnnotationConsent: "yes",
		kube.AnnotationUndecodable: "spec",
	}
	problems := wordProblems(cluster, nil)
	require.Len(t, problems, 1)
	require.Equal(t, "metadata.annotations[kafka.banzaicloud.io/pause]", problems[0].Field)
	require.Contains(t, problems[0].Message, kube.AnnotationPause)
	require.Equal(t, messages.SeverityWarning, problems[0].Severity)
}
