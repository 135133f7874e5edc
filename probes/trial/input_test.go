package trial

import (
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"vmspec/probes/console"
	"vmspec/probes/note"

	"github.com/stretchr/testify/require"
)

func TestCollectInput(t *testing.T) {
	from := func(r io.Reader) Input { return Input{name: "ttyAMA0", word: "0a1b2c3d", terminal: io.NopCloser(r)} }
	const asked = "asked ttyAMA0 0a1b2c3d ok\n"
	tests := map[string]struct {
		input Input
		want  string
	}{
		"not opened":     {Input{name: "hvc0", word: "0a1b2c3d", err: syscall.ENODEV}, "asked hvc0 0a1b2c3d ENODEV no such device\n"},
		"nothing":        {from(iotest.ErrReader(syscall.EAGAIN)), asked},
		"by bytes":       {from(iotest.OneByteReader(strings.NewReader("0a1b2c3d\n"))), asked + "typed ttyAMA0 \"0a1b2c3d\\n\"\n"},
		"then a failure": {from(iotest.DataErrReader(strings.NewReader("0a"))), asked + "typed ttyAMA0 \"0a\"\n"},
		"too much":       {from(strings.NewReader(strings.Repeat("x", 1<<20))), asked + "typed ttyAMA0 \"" + strings.Repeat("x", maxInput) + "\"\n"},
		"control bytes":  {from(strings.NewReader("\x1b[1;1R\x00\xff\n")), asked + `typed ttyAMA0 "\x1b[1;1R\x00\xff\n"` + "\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var n console.InputNote
			require.NoError(t, CollectInput([]Input{test.input}, &n))
			require.Equal(t, test.want, string(note.Text(&n)))
		})
	}
}

func TestAskInput(t *testing.T) {
	got := AskInput([]string{"no-such-terminal", "null"}, func(word string) string { return "please " + word })
	require.Len(t, got, 2)
	for _, i := range got {
		require.Error(t, i.err, "no terminal")
		require.Regexp(t, "^[0-9a-f]{8}$", i.word)
	}
}
