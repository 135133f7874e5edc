package tpm_test

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest/guesttest"
	"vmspec/probes/tpm"
)

type failing struct{}

func (failing) Open(string) (fs.File, error) { return nil, errors.ErrUnsupported }

func TestRead(t *testing.T) {
	_, err := tpm.Read(failing{})
	require.ErrorIs(t, err, errors.ErrUnsupported)
	for name, files := range map[string]fstest.MapFS{"no class": {}, "no device": {"sys/class/tpm": {Mode: fs.ModeDir}}} {
		f, err := tpm.Read(files)
		require.NoError(t, err, name)
		require.Equal(t, &tpm.Facts{}, f, "absence is an answer")
	}
	for name, test := range map[string]struct {
		note, err string
		want      tpm.Facts
	}{
		"not asked":       {"", "file does not exist", tpm.Facts{Present: true, Version: "1.2"}},
		"it broke off":    {"family \"2.0\"\nerror get PCR banks: EIO\n", "get PCR banks: EIO", tpm.Facts{Present: true, Version: "1.2", Note: tpm.Note{Family: "2.0"}}},
		"junk for a bank": {"bank sha1 x\n", "is not a number", tpm.Facts{Present: true, Version: "1.2"}},
		"whole": {"family \"2.0\"\nmanufacturer \"a b\"\nbank sha1 0\nbank sha256 24\n", "",
			tpm.Facts{Present: true, Version: "1.2", Note: tpm.Note{Family: "2.0", Manufacturer: "a b", Banks: []tpm.Bank{{"sha1", 0}, {"sha256", 24}}}}},
	} {
		files := fstest.MapFS{"sys/class/tpm/tpm0/tpm_version_major": {Data: []byte("1\n")}}
		if test.note != "" {
			files["vmspec/tpm"] = &fstest.MapFile{Data: []byte(test.note)}
		}
		f, err := tpm.Read(files)
		require.NoError(t, err)
		require.Contains(t, f.TrialErr, test.err, name)
		f.TrialErr = ""
		require.Equal(t, &test.want, f, name)
	}
}

func TestReadCaptured(t *testing.T) {
	f, err := tpm.Read(guesttest.Open(t, "qemu-virt-uefi-tpm"))
	require.NoError(t, err)
	require.Equal(t, "2.0 2.0 IBM", f.Version+" "+f.Family+" "+f.Manufacturer)
	require.Equal(t, []string{"sha1", "sha256", "sha384", "sha512"}, f.Active())
	require.NotZero(t, f.EventLog)
	require.Empty(t, f.TrialErr)
}
