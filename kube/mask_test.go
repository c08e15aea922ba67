package kube

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const pemKey = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANhunter2\nhunter2hunter2\n-----END PRIVATE KEY-----"

func TestSecretsAreMasked(t *testing.T) {
	for name, c := range map[string]struct{ text, masked string }{
		"a password of Kafka's": {"ssl.keystore.password=hunter2", "ssl.keystore.password=[hidden]"},
		"a value goes on to the end of its line, since it may have blanks": {
			"sasl.password = hunter2 hunter2, hunter2; hunter2\nnext", "sasl.password = [hidden]\nnext",
		},
		"a value that is continued on the next line": {
			"ssl.key.password=a\\\n  hunter2\\\n  hunter2\nnext", "ssl.key.password=[hidden]\nnext",
		},
		"a quoted value ends with its quotes":         {`{"password": "hun\"ter2 x", "a": 1}`, `{"password": [hidden], "a": 1}`},
		"single quotes":                               {`password='hunter2 x' a=1`, `password=[hidden] a=1`},
		"quotes that are not closed":                  {"password=\"hunter2 x\nnext", "password=[hidden]\nnext"},
		"nothing follows":                             {"password=\nnext", "password=\nnext"},
		"a variable of the environment":               {"AWS_SECRET_ACCESS_KEY=hunter2", "AWS_SECRET_ACCESS_KEY=[hidden]"},
		"a variable with a number":                    {"SECRET_1=hunter2", "SECRET_1=[hidden]"},
		"an API key":                                  {"api_key=hunter2", "api_key=[hidden]"},
		"an API key in camel case":                    {"apiKey: hunter2", "apiKey: [hidden]"},
		"some other key":                              {"ENCRYPTION_KEY=hunter2", "ENCRYPTION_KEY=[hidden]"},
		"a token":                                     {"session-token: hunter2", "session-token: [hidden]"},
		"a header":                                    {"Authorization: Bearer hunter2", "Authorization: [hidden]"},
		"a token without a key":                       {"sent Bearer hunter2 to them", "sent Bearer [hidden] to them"},
		"an option":                                   {"tool --admin-password hunter2 --port 1", "tool --admin-password [hidden] --port 1"},
		"a user of a JAAS file":                       {`user_alice="hunter2"`, `user_alice=[hidden]`},
		"an address with a password":                  {"at http://alice:hunter2@proxy:3128/x", "at http://alice:[hidden]@proxy:3128/x"},
		"a key of the user's own":                     {"ssl.keystore.key=" + pemKey + "\nnext", "ssl.keystore.key=[hidden]\nnext"},
		"a key of which only the end is in the log":   {"MIIEvQhunter2\nhunter2\n-----END RSA PRIVATE KEY-----\nnext", "[hidden]\nnext"},
		"a key of which only the start is in the log": {"x\n-----BEGIN EC PRIVATE KEY-----\nhunter2", "x\n[hidden]"},
		"a key on one line":                           {strings.ReplaceAll(pemKey, "\n", `\n`) + " next", "[hidden] next"},
		"the middle of a key":                         {"x\n" + strings.Repeat("hunter2/", 8) + "\nnext", "x\n[hidden]\nnext"},
		"what Kafka says of a value": {
			"Invalid value hunter2 hunter2 for configuration ssl.keystore.password", "Invalid value [hidden] for configuration ssl.keystore.password",
		},
		"a login": {
			`sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="a" password="hunter2";`, `sasl.jaas.config=[hidden]`,
		},
		"a login on lines of its own": {
			"PlainLoginModule required\n username=\"a\"\n password=\"hunter2\";\nnext", "PlainLoginModule required\n username=\"a\"\n password=[hidden];\nnext",
		},
		"a short name":                  {"user=a;pwd=hunter2", "user=a;pwd=[hidden]"},
		"a user of curl":                {"curl -u alice:hunter2 http://a", "curl -u alice:[hidden] http://a"},
		"a user of curl, at length":     {"curl --user=alice:hunter2 http://a", "curl --user=alice:[hidden] http://a"},
		"an element of XML":             {"<a><keyPassword x=\"1\">hunter2</keyPassword></a>", "<a><keyPassword x=\"1\">[hidden]</keyPassword></a>"},
		"a secret before a stack trace": {"password=hunter2 (Login.java:51)", "password=[hidden]"},
		"masked once more":              {"ssl.keystore.password = [hidden]\nnext", "ssl.keystore.password = [hidden]\nnext"},
	} {
		t.Run(name, func(t *testing.T) {
			masked := MaskSecrets(c.text)
			require.Equal(t, c.masked, masked)
			require.NotContains(t, masked, "hunter2")
			require.Equal(t, masked, MaskSecrets(masked))
		})
	}
}

func TestWhatIsNoSecretStays(t *testing.T) {
	for _, text := range []string{
		"log.dirs=/kafka-logs/kafka",
		"listener = INTERNAL",
		"ssl.keystore.location=/var/run/secrets/keystore.jks",
		"java.io.IOException: keystore password was incorrect",
		"Invalid value x for configuration log.retention.ms: Not a number of type LONG",
		"[2026-01-01 10:00:00,000] ERROR Exiting Kafka due to fatal exception (kafka.Kafka$)",
		"\tat org.apache.kafka.common.security.token.delegation.internals.DelegationTokenCache.<init>(DelegationTokenCache.java:51)",
		"http://registry:8080/a@b",
	} {
		require.Equal(t, text, MaskSecrets(text))
	}
}
