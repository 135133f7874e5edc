package look

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLogLine(t *testing.T) {
	tests := map[string]struct{ record, want string }{
		"empty":                   {"", ""},
		"no text":                 {"6,339,5140900,-", ""},
		"prefix of two":           {"6,339;text", ""},
		"time is no number":       {"6,339,soon,-;text", ""},
		"time of no length":       {"6,339,,-;text", ""},
		"time overflows":          {"6,339,99999999999999999999,-;text", ""},
		"the first":               {"6,0,0,-;Booting Linux\n", "[    0.000000] Booting Linux\n"},
		"text with a semicolon":   {"6,339,5140900,-;a;b\n", "[    5.140900] a;b\n"},
		"key=value lines behind":  {"6,339,5140900,-;NET: x\n SUBSYSTEM=net\n DEVICE=+x\n", "[    5.140900] NET: x\n"},
		"caller in a fifth field": {"6,339,5140900,-,caller=T1;x\n", "[    5.140900] x\n"},
		"after days":              {"6,339,1234567890123,-;x\n", "[1234567.890123] x\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			logLine(&log, test.record)
			require.Equal(t, test.want, log.String())
		})
	}
}

func FuzzLogLine(f *testing.F) {
	f.Add("6,339,5140900,-;NET: x\n SUBSYSTEM=net\n")
	f.Add("6,0,-5,-;x")
	f.Fuzz(func(t *testing.T, record string) {
		var log bytes.Buffer
		logLine(&log, record)
		// One record is one line: whoever logs cannot write lines of his own.
		if log.Len() > 0 {
			require.Equal(t, 1, strings.Count(log.String(), "\n"))
			require.True(t, strings.HasSuffix(log.String(), "\n"))
			require.True(t, strings.HasPrefix(log.String(), "["))
		}
	})
}
