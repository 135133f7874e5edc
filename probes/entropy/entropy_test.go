package entropy_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/entropy"
	"vmspec/probes/guest/guesttest"
)

func read(t *testing.T, text string) entropy.Facts {
	t.Helper()
	f, err := entropy.Read(fstest.MapFS{"vmspec/entropy": {Data: []byte(text)}})
	require.NoError(t, err)
	return *f
}

func drew(source string, bytes, distinct uint64) entropy.Note {
	return entropy.Note{Source: source, Drawn: &entropy.Drawn{Bytes: bytes, Distinct: distinct}}
}

func TestRead(t *testing.T) {
	tests := map[string]struct {
		text string
		want entropy.Facts
	}{
		"failed":              {"error hung for 15s\n", entropy.Facts{TrialErr: "vmspec/entropy: hung for 15s"}},
		"failed half-way":     {"source tpm-rng-0\nbytes 8 8\nerror gone\n", entropy.Facts{Note: drew("tpm-rng-0", 8, 8), TrialErr: "vmspec/entropy: gone"}},
		"a count no number":   {"bytes x 1\n", entropy.Facts{TrialErr: `vmspec/entropy: bytes: COUNT: "x" is not a number`}},
		"a count too few":     {"bytes 1\n", entropy.Facts{TrialErr: "vmspec/entropy: bytes: no DISTINCT"}},
		"a word we know not":  {"later 1\n", entropy.Facts{}},
		"source without name": {"source\n", entropy.Facts{TrialErr: "vmspec/entropy: source: no NAME"}},
		"whole":               {"source virtio_rng.0\nbytes 32 30\n", entropy.Facts{Note: drew("virtio_rng.0", 32, 30)}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.want, read(t, test.text)) })
	}
	f, err := entropy.Read(guesttest.Open(t, "qemu-virt-gicv2"))
	require.NoError(t, err)
	require.Contains(t, f.TrialErr, "not captured")
}

// Whatever stands in the note, an error says where.
func FuzzRead(f *testing.F) {
	f.Add("source virtio_rng.0\nbytes 32 30\n")
	f.Add("bytes 1\nerror gone\n")
	f.Fuzz(func(t *testing.T, text string) {
		if got := read(t, text); got.TrialErr != "" {
			require.Contains(t, got.TrialErr, "vmspec/entropy")
		}
	})
}
