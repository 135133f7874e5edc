package initramfs

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// kernel32 is a stub made an AArch32 kernel's, with a second section that is
// lower in memory.
func kernel32() []byte {
	b := stub()
	put(b, testCOFF, 2, machineThumb)
	put(b, testOpt, 2, magicPE32)
	put(b, testCOFF+coffSections, 2, 2)
	copy(b[testTable+sectionSize:], b[testTable:testTable+sectionSize])
	put(b, testTable+12, 4, 8192)
	return b
}

func TestMakeRoom(t *testing.T) {
	kernel := kernel32()
	got, err := MakeRoom(kernel)
	require.NoError(t, err)
	require.Equal(t, kernel32(), kernel, "the kernel was written to")
	want := kernel32()
	put(want, testOpt+optImageSize, 4, 4096+100+decompressing)
	put(want, testTable+8, 4, 100+decompressing)
	require.Equal(t, want, got)
}

func TestMakeRoomRefuses(t *testing.T) {
	for _, c := range []struct {
		name, want string
		kernel     []byte
	}{
		{"empty", "no PE file", nil},
		{"no EFI application", "no PE file", []byte("\x00\x00\xa0\xe1 a kernel without EFI's stub, as were all of them before 2015")},
		{"for AArch64", "machine 0xaa64 and magic 0x20b", stub()},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := MakeRoom(c.kernel)
			require.ErrorContains(t, err, "read kernel: ")
			require.ErrorContains(t, err, c.want)
		})
	}
}

func FuzzMakeRoom(f *testing.F) {
	f.Add(kernel32())
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, err := MakeRoom(data); err == nil {
			require.Len(t, got, len(data))
		}
	})
}

func TestGRUB(t *testing.T) {
	modules := filepath.Join("..", "build", "arm", "loader")
	dir, err := FindLoader("arm", modules)
	if os.Getenv("VMSPEC_BOOT") == "" {
		if _, missing := exec.LookPath("grub-mkimage"); missing != nil || err != nil {
			t.Skip("make image fetches what it needs")
		}
	}
	require.NoError(t, err)
	one, err := GRUB(t.Context(), dir, "A/LINUX", "A/INITRD", "panic=-1")
	require.NoError(t, err)
	require.True(t, bytes.Contains(one, []byte("linux /A/LINUX panic=-1\ninitrd /A/INITRD\nboot\n")))
	two, err := GRUB(t.Context(), dir, "A/LINUX", "A/INITRD", "panic=-1")
	require.NoError(t, err)
	require.True(t, bytes.Equal(one, two))

	_, err = GRUB(t.Context(), t.TempDir(), "A/LINUX", "A/INITRD", "")
	require.ErrorContains(t, err, "build GRUB: grub-mkimage: ")
	t.Setenv("PATH", t.TempDir())
	_, err = GRUB(t.Context(), dir, "A/LINUX", "A/INITRD", "")
	require.ErrorIs(t, err, ErrNoGRUB)
}
