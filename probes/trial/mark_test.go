package trial

import (
	"encoding/binary"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/efi"
	"vmspec/probes/note"
)

// stored is a mark as the store has it.
func stored(m efi.Mark) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, trialAttributes), m.Bytes()...)
}

var token = regexp.MustCompile(`left (\S+ \d+) [0-9a-f]{8} `)

func TestTryMark(t *testing.T) {
	plan := MarkPlan{Nonce: "a", After: "poweroff", Boot: 2}
	earlier := efi.Mark{Nonce: "a", Boot: 1, Token: "01234567", Count: 4, After: "poweroff"}
	for name, c := range map[string]struct {
		plan     MarkPlan
		variable []byte
		faults   map[string]error
		want     string
		kept     bool
	}{
		"the first":       {plan, nil, nil, "read absent; write ok; left a 2 TOKEN 1 poweroff", true},
		"the next":        {plan, stored(earlier), nil, "read ok; found a 1 01234567 4 poweroff; remove ok; write ok; left a 2 TOKEN 5 poweroff", true},
		"the last":        {MarkPlan{Nonce: "a", Boot: 2, Last: true}, stored(earlier), nil, "read ok; found a 1 01234567 4 poweroff; remove ok", false},
		"the last, none":  {MarkPlan{Last: true}, nil, nil, "read absent", false},
		"foreign":         {plan, []byte("\x07\x00\x00\x00x"), nil, "read foreign; remove ok; write ok; left a 2 TOKEN 1 poweroff", true},
		"foreign, short":  {plan, []byte("\x07"), nil, "read foreign; remove ok; write ok; left a 2 TOKEN 1 poweroff", true},
		"other kind":      {plan, append([]byte{6, 0, 0, 0}, earlier.Bytes()...), nil, "read foreign; remove ok; write ok; left a 2 TOKEN 1 poweroff", true},
		"not readable":    {plan, stored(earlier), map[string]error{"read": syscall.EIO}, "read EIO input/output error; remove ok; write EIO input/output error", false},
		"not removable":   {plan, stored(earlier), map[string]error{"delete": syscall.EPERM}, "read ok; found a 1 01234567 4 poweroff; remove EPERM operation not permitted", true},
		"not writable":    {plan, nil, map[string]error{"create": syscall.EROFS}, "read absent; write EROFS read-only file system", false},
		"cut when stored": {plan, nil, map[string]error{"short": errIO}, "read absent; write differs", false},
	} {
		store, kept := fakeStore(c.variable, c.faults)
		var n efi.MarkNote
		require.NoError(t, tryMark(store, c.plan, &n), name)
		text := strings.ReplaceAll(strings.TrimSpace(string(note.Text(&n))), "\n", "; ")
		require.Equal(t, c.want, token.ReplaceAllString(text, "left $1 TOKEN "), name)
		require.Equal(t, c.kept, *kept != nil, name)
		if n.Left != nil {
			require.Equal(t, stored(*n.Left), *kept, name)
		}
	}
}

// A boot that comes back by its own reset ends by powering off, once it knows that.
func TestMarkAfterReset(t *testing.T) {
	plan := MarkPlan{Nonce: "a", After: "reboot", Boot: 1}
	found := efi.Mark{Nonce: "a", Boot: 1, Token: "01234567", Count: 1, After: "reboot"}
	require.Equal(t, "reboot", plan.mark(nil).After)
	require.Equal(t, "poweroff", plan.mark(&found).After)
	for name, change := range map[string]func(m *efi.Mark){
		"of another series": func(m *efi.Mark) { m.Nonce = "b" },
		"of another boot":   func(m *efi.Mark) { m.Boot = 2 },
		"powered off":       func(m *efi.Mark) { m.After = "poweroff" },
	} {
		other := found
		change(&other)
		require.Equal(t, "reboot", plan.mark(&other).After, name)
	}
	require.Equal(t, "reboot", MarkPlan{Nonce: "-", After: "reboot"}.mark(&efi.Mark{Nonce: "-", Count: 1, After: "reboot"}).After, "no series")
}
