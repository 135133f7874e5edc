package initramfs

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// kernel makes a file with the head of a kernel.
func kernel(at int, magic string) []byte {
	b := make([]byte, 256)
	copy(b[at:], magic)
	return b
}

// zbootImage packs a kernel as Linux's CONFIG_EFI_ZBOOT does.
func zbootImage(t *testing.T, kind, suffix string, image []byte) []byte {
	t.Helper()
	b := make([]byte, 64)
	copy(b, "MZ\x00\x00zimg")
	packed := pack(t, suffix, image)
	binary.LittleEndian.PutUint32(b[8:], uint32(len(b)))
	binary.LittleEndian.PutUint32(b[12:], uint32(len(packed)))
	copy(b[24:], kind)
	return append(append(b, packed...), "behind"...)
}

func TestKernelImage(t *testing.T) {
	arm64, arm := kernel(arm64At, arm64Magic), kernel(zImageAt, zImage)
	for _, c := range []struct {
		name string
		data []byte
		want []byte
		arch string
	}{
		{"Image", arm64, arm64, "arm64"},
		{"zImage", arm, arm, "arm"},
		{"gzip", pack(t, ".gz", arm64), arm64, "arm64"},
		{"zboot, gzip", zbootImage(t, "gzip", ".gz", arm64), arm64, "arm64"},
		{"zboot, xz", zbootImage(t, "xzkern", ".xz", arm64), arm64, "arm64"},
		{"zboot, zstd", zbootImage(t, "zstd22", ".zst", arm64), arm64, "arm64"},
		{"zboot, lz4", zbootImage(t, "lz4", ".lz4", arm64), arm64, "arm64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			image, arch, err := KernelImage(c.data)
			require.NoError(t, err)
			require.Equal(t, c.want, image)
			require.Equal(t, c.arch, arch)
		})
	}
}

func TestKernelImageRefuses(t *testing.T) {
	whole := zbootImage(t, "gzip", ".gz", kernel(arm64At, arm64Magic))
	behind := kernel(0, "MZ\x00\x00zimg")
	binary.LittleEndian.PutUint32(behind[8:], 200)
	binary.LittleEndian.PutUint32(behind[12:], 0xffffffff)
	for name, c := range map[string]struct {
		data []byte
		err  string
	}{
		"empty":                 {nil, `begins with ""`},
		"text":                  {[]byte("root:x:0:0:root:/root:/bin/bash\n"), `neither an arm64 Image nor a zImage: it begins with "root:x:0"`},
		"x86":                   {append(make([]byte, 0x202), "HdrS"...), "neither an arm64 Image nor a zImage"},
		"cut gzip":              {pack(t, ".gz", kernel(arm64At, arm64Magic))[:20], "EOF"},
		"zboot, cut header":     {whole[:40], "cut within its header"},
		"zboot, cut":            {whole[:70], "its kernel is at bytes 64 to"},
		"zboot, behind the end": {behind, "its kernel is at bytes 200 to 4294967495, the file has 256"},
		"zboot, unknown":        {zbootImage(t, "lzo", "", []byte("x")), `packed as "lzo", which is not read`},
		"zboot, not packed so":  {zbootImage(t, "zstd", "", []byte("text")), "EFI zboot image: unpack zstd: "},
		"zboot, no kernel":      {zbootImage(t, "gzip", ".gz", []byte("text")), `begins with "text"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := KernelImage(c.data)
			require.ErrorContains(t, err, c.err)
		})
	}
}

func FuzzKernelImage(f *testing.F) {
	f.Add([]byte("MZ\x00\x00zimg\x40\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00gzip\x00"))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Add(kernel(arm64At, arm64Magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		image, arch, err := KernelImage(data)
		if err != nil {
			return
		}
		require.Contains(t, []string{"arm64", "arm"}, arch)
		if KernelHead(image).has(zbootAt, zboot) {
			return // packed twice: no kernel is
		}
		again, same, err := KernelImage(image)
		require.NoError(t, err)
		require.Equal(t, arch, same)
		require.Equal(t, len(image), len(again))
	})
}
