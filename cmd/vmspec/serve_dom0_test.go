package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnswerOfDom0(t *testing.T) {
	for name, c := range map[string]struct {
		text, said string
		status     int
		err        string
	}{
		"done":           {"0 attached xvdz\n", "attached xvdz", 0, ""},
		"without a word": {"0\n", "", 0, ""},
		"fails":          {"3 xl: no such domain\n", "xl: no such domain", 3, "the adapter in dom0 exits with status 3"},
		"an escape":      {"1 \x1b[2Jred\n", " [2Jred", 1, "status 1"},
		"no number":      {"done\n", "", 0, `dom0 answers "done`},
		"no end":         {"0 att", "", 0, "dom0 does not answer"},
		"nothing":        {"", "", 0, "dom0 does not answer"},
		"without end":    {"0 " + strings.Repeat("x", 2*maxDom0Answer), "", 0, "dom0 does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			status, said, err := answerOfDom0(strings.NewReader(c.text))
			require.Equal(t, c.status, status)
			require.Equal(t, c.said, said)
			if c.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.err)
			}
		})
	}
}

// What dom0 says is one line of text, whatever it sends.
func FuzzAnswerOfDom0(f *testing.F) {
	f.Add("0 attached xvdz\n")
	f.Add("3 \x1b[31mno\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, said, err := answerOfDom0(strings.NewReader(text))
		require.NotContains(t, said, "\n")
		require.NotContains(t, said, "\x1b")
		if err != nil {
			require.NotContains(t, err.Error(), "\x1b")
		}
	})
}
