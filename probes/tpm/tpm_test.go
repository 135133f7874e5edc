package tpm_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/fdt"
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

// A TPM that Linux does not show may be described all the same.
func TestUnseen(t *testing.T) {
	node := func(name string, names ...string) fstest.MapFS {
		root := &fdt.Node{}
		n := &fdt.Node{Name: name, Parent: root, Props: []fdt.Prop{{Name: "compatible", Value: []byte(strings.Join(names, "\x00") + "\x00")}}}
		root.Children = []*fdt.Node{n}
		return fstest.MapFS{fdt.Path: {Data: fdt.Encode(&fdt.Tree{Root: root})}}
	}
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  *tpm.Described
	}{
		"by a node":     {node("tpm_tis@0", "x,y", "tcg,tpm-tis-mmio"), &tpm.Described{By: "the device tree's /tpm_tis@0", Options: []string{"CONFIG_TCG_TIS"}}},
		"by its name":   {node("tpm@0", "x,y"), &tpm.Described{By: "the device tree's /tpm@0"}},
		"another node":  {node("tpms@0", "x,y"), nil},
		"by ACPI":       {fstest.MapFS{"sys/firmware/acpi/tables/TPM2": {}}, &tpm.Described{By: "ACPI's table TPM2", Options: []string{"CONFIG_TCG_TIS", "CONFIG_TCG_CRB"}}},
		"other tables":  {fstest.MapFS{"sys/firmware/acpi/tables/FACP": {}}, nil},
		"a broken tree": {fstest.MapFS{fdt.Path: {Data: node("tpm@0", "tcg,tpm-tis-mmio")[fdt.Path].Data[:60]}}, nil},
	} {
		f, err := tpm.Read(c.files)
		require.NoError(t, err, name)
		require.False(t, f.Present, name)
		require.Equal(t, c.want, f.Unseen, name)
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
