package smbios_test

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest/guesttest"
	"vmspec/probes/smbios"
)

type failing struct{}

func (failing) Open(string) (fs.File, error) { return nil, errors.ErrUnsupported }

func TestRead(t *testing.T) {
	_, err := smbios.Read(failing{})
	require.ErrorIs(t, err, errors.ErrUnsupported)
	f, err := smbios.Read(fstest.MapFS{})
	require.NoError(t, err)
	require.Equal(t, &smbios.Facts{}, f, "absence is an answer")

	for text, want := range map[string]string{
		"":                      "file does not exist",
		"entry x\n":             "is not a number",
		"structures 256 1\n":    "structures: TYPE: \"256\" is not a number",
		"structures 1 x\n":      "is not a number",
		"error cut structure\n": "cut structure",
	} {
		files := fstest.MapFS{"sys/class/dmi/id/bios_vendor": {Data: []byte("EDK II\n")}}
		if text != "" {
			files["vmspec/smbios"] = &fstest.MapFile{Data: []byte(text)}
		}
		f, err := smbios.Read(files)
		require.NoError(t, err)
		require.Contains(t, f.TablesErr, want)
		require.Equal(t, "EDK II", f.BIOSVendor)
	}
}

func TestReadCaptured(t *testing.T) {
	f, err := smbios.Read(guesttest.Open(t, "qemu-virt-uefi-gicv3"))
	require.NoError(t, err)
	require.Equal(t, "3.0.0 QEMU", f.Version+" "+f.SystemVendor)
	require.EqualValues(t, 64, f.Entry)
	require.EqualValues(t, 1, f.Count(1))
	require.Empty(t, f.TablesErr)
}
