package efi_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/efi"
	"vmspec/probes/guest/guesttest"
)

func trialOf(t *testing.T, text string) efi.Trial {
	t.Helper()
	return booted(t, map[string]string{"vmspec/variables": text}).Trial
}

func TestReadTrial(t *testing.T) {
	tests := map[string]struct {
		text string
		want efi.Trial
	}{
		"failed":                 {"error no efivarfs\n", efi.Trial{Err: "vmspec/variables: no efivarfs"}},
		"space no number":        {"space x 2\n", efi.Trial{Err: `vmspec/variables: space: FREE: "x" is not a number`}},
		"space without a total":  {"space 1\n", efi.Trial{Err: "vmspec/variables: space: no TOTAL"}},
		"a step without an end":  {"create ok\nread\n", efi.Trial{Create: "ok", Err: "vmspec/variables: read: no RESULT"}},
		"failed half-way":        {"create ok\nerror hung for 15s\n", efi.Trial{Create: "ok", Err: "vmspec/variables: hung for 15s"}},
		"refused":                {"create EROFS read-only file system\n", efi.Trial{Create: "EROFS read-only file system"}},
		"a word that is not one": {"later 1\ncreate ok\n", efi.Trial{Create: "ok"}},
		"with its space":         {"space 1 2\ncreate ok\n", efi.Trial{Space: &efi.Space{1, 2}, Create: "ok"}},
		"empty":                  {"", efi.Trial{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, trialOf(t, test.text)) })
	}
	got := trialOf(t, "create ok\nread differs\n")
	require.Equal(t, []efi.Step{{"create", "ok"}, {"read", "differs"}}, got.Steps())
}

func TestReadTrialNotCaptured(t *testing.T) {
	f, err := efi.Read(guesttest.Open(t, "qemu-virt-uefi-gicv3"))
	require.NoError(t, err)
	require.Contains(t, f.Trial.Err, "not captured")
}

// Whatever stands in the note, a step has a result and an error says where.
func FuzzReadTrial(f *testing.F) {
	f.Add("space 1 2\nstale ok\ncreate ok\nread differs\ndelete EPERM operation not permitted\n")
	f.Add("error hung for 15s\n")
	f.Fuzz(func(t *testing.T, text string) {
		got := trialOf(t, text)
		for _, s := range got.Steps() {
			require.NotEmpty(t, s.Result, s.Name)
		}
		if got.Err != "" {
			require.Contains(t, got.Err, "vmspec/variables")
		}
	})
}
