package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNeedLine(t *testing.T) {
	for _, name := range needs {
		n := Need{Name: name, Nonce: "7f3a9c21", Timeout: 30}
		if name == NeedInput {
			n.Timeout = 0 // it is waited for while all else is done
		}
		require.LessOrEqual(t, len(n.Line()), MaxLine)
		for _, line := range []string{n.Line(), "(XEN) DOM1: " + n.Line() + "\r"} {
			got, ok := FindNeed(line)
			require.True(t, ok, line)
			require.Equal(t, n, got)
		}
		require.Contains(t, Needs(), OfferFor(name))
	}
	require.Equal(t, "# vmspec: need hotplug-block nonce=7f3a9c21 timeout=30s", Need{NeedBlock, "7f3a9c21", 30}.Line())
	found := "vda came; " + Need{UnplugNet, "a", 999}.String() + ": it stayed"
	got, ok := NeedIn(found)
	require.True(t, ok)
	require.Equal(t, Need{UnplugNet, "a", 999}, got)
	_, ok = FindNeed(found)
	require.False(t, ok, "a report does not ask again")
	_, ok = NeedIn("nothing came")
	require.False(t, ok)
}

func TestFindNeedRefuses(t *testing.T) {
	for name, line := range map[string]string{
		"another line":       "# vmspec: trial hotplug",
		"an unknown need":    "# vmspec: need coffee nonce=1 timeout=30s",
		"input as any other": "# vmspec: need input nonce=1 timeout=30s",
		"no nonce":           "# vmspec: need pause timeout=30s",
		"an empty nonce":     "# vmspec: need pause nonce= timeout=30s",
		"a nonce to obey":    "# vmspec: need pause nonce=$(id) timeout=30s",
		"a long nonce":       "# vmspec: need pause nonce=" + strings.Repeat("a", 17) + " timeout=30s",
		"no timeout":         "# vmspec: need pause nonce=1",
		"no time":            "# vmspec: need pause nonce=1 timeout=0s",
		"too long a time":    "# vmspec: need pause nonce=1 timeout=1000s",
		"minutes":            "# vmspec: need pause nonce=1 timeout=3m",
		"a zero before":      "# vmspec: need pause nonce=1 timeout=03s",
		"no word":            inputMark,
		"a word to obey":     inputMark + "quit",
		"an escape":          inputMark + "\x01x",
		"two words":          inputMark + "12 34",
		"a long word":        inputMark + strings.Repeat("a", 17),
	} {
		_, ok := FindNeed(line)
		require.False(t, ok, name)
	}
}

func TestAnswer(t *testing.T) {
	for line, want := range map[string]Answer{
		"done hotplug-block nonce=7f3a9c21":    {true, NeedBlock, "7f3a9c21"},
		"cannot unplug-net nonce=7f3a9c21\r":   {false, UnplugNet, "7f3a9c21"},
		"cannot unplug-net nonce=7f3a9c21\r\n": {false, UnplugNet, "7f3a9c21"},
	} {
		got, ok := ParseAnswer(line)
		require.True(t, ok, line)
		require.Equal(t, want, got)
		require.Equal(t, strings.TrimRight(line, "\r\n"), want.Line())
	}
	for name, line := range map[string]string{
		"nothing": "", "a word": "done", "no nonce": "done pause", "an unknown need": "done coffee nonce=1",
		"an unknown word": "perhaps pause nonce=1", "more": "done pause nonce=1 now", "a cut nonce": "done pause nonce=",
		"something before": "x done pause nonce=1",
	} {
		_, ok := ParseAnswer(line)
		require.False(t, ok, name)
	}
}

// A guest asks for its needs, and is not in a trial by that.
func TestNeedsAreNoSteps(t *testing.T) {
	for _, name := range needs {
		require.True(t, OfReport(strings.TrimPrefix(Need{name, "1", 1}.Line(), Mark)), name)
	}
}

// FuzzFindNeed: what is found in a line is written as it was read.
func FuzzFindNeed(f *testing.F) {
	for _, name := range needs {
		f.Add(Need{name, "7f3a9c21", 30}.Line())
	}
	f.Add("# vmspec: need pause nonce=1 timeout=1000s")
	f.Fuzz(func(t *testing.T, line string) {
		n, ok := FindNeed(line)
		if !ok {
			return
		}
		require.Contains(t, needs, n.Name)
		require.True(t, IsNonce(n.Nonce) && n.Nonce != "")
		again, ok := FindNeed(n.Line())
		require.True(t, ok)
		require.Equal(t, n, again)
	})
}

// FuzzParseAnswer: an answer is read as it is written, and nothing else is one.
func FuzzParseAnswer(f *testing.F) {
	f.Add("done hotplug-block nonce=7f3a9c21\r")
	f.Add("cannot pause nonce=a")
	f.Fuzz(func(t *testing.T, line string) {
		a, ok := ParseAnswer(line)
		if !ok {
			return
		}
		require.Equal(t, strings.TrimRight(line, "\r\n"), a.Line())
		require.True(t, IsNonce(a.Nonce) && a.Nonce != "")
	})
}
