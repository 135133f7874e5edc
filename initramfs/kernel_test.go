package initramfs

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var testTime = time.Unix(1_000_000_000, 0)

func TestFetchKernelRefuses(t *testing.T) {
	var progress bytes.Buffer
	_, err := FetchKernel(t.Context(), "riscv64", t.TempDir(), &progress)
	require.EqualError(t, err, "fetch kernel for riscv64: no Debian kernel is known for this architecture")
	t.Setenv("PATH", t.TempDir())
	_, err = FetchKernel(t.Context(), "arm64", t.TempDir(), &progress)
	require.ErrorIs(t, err, ErrNoApt)
}

func TestFindKernelRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		files []string
		err   string
	}{
		"nothing":          {nil, "neither a kernel's module directory nor one with lib/modules below it"},
		"two kernels":      {[]string{"lib/modules/6.1/kernel", "lib/modules/6.2/kernel"}, "holds 2 kernels' modules"},
		"no image":         {[]string{"usr/lib/modules/6.1/config"}, "find kernel: image: "},
		"another's image":  {[]string{"lib/modules/6.1/config", "boot/vmlinuz-6.2"}, "boot/vmlinuz-6.1"},
		"no configuration": {[]string{"lib/modules/6.1/kernel", "boot/vmlinuz-6.1"}, "find kernel: configuration: "},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range c.files {
				name := filepath.Join(dir, unpacked, file)
				require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
				require.NoError(t, os.WriteFile(name, nil, 0o644))
			}
			_, err := FindKernel(dir)
			require.ErrorContains(t, err, c.err)
		})
	}
}
