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

func TestKernelPackage(t *testing.T) {
	for _, c := range []struct{ name, show, want, err string }{
		{"nothing", "", "", "depends on no linux-image package"},
		{"another dependency", "Depends: initramfs-tools\n", "", "depends on no linux-image package"},
		{"Debian's", "Package: linux-image-arm64\nDepends: linux-image-6.1.0-56-arm64 (= 6.1.192-2)\nSize: 1448\n", "linux-image-6.1.0-56-arm64", ""},
		{"the second of several", "Depends: kmod, linux-image-6.12.1-arm64 | linux-image\n", "linux-image-6.12.1-arm64", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := kernelPackage(c.show)
			require.Equal(t, c.want, got)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
		})
	}
}

func TestFetchKernelRefuses(t *testing.T) {
	var progress bytes.Buffer
	_, err := FetchKernel(t.Context(), "riscv64", t.TempDir(), &progress)
	require.EqualError(t, err, "fetch kernel for riscv64: no Debian kernel is known for this architecture")
	t.Setenv("PATH", t.TempDir())
	_, err = FetchKernel(t.Context(), "arm64", t.TempDir(), &progress)
	require.ErrorIs(t, err, ErrNoApt)
}

func TestFindKernel(t *testing.T) {
	dir := t.TempDir()
	_, err := FindKernel(dir)
	require.ErrorContains(t, err, "0 kernels in")
	boot := filepath.Join(dir, "unpacked", "boot")
	require.NoError(t, os.MkdirAll(boot, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(boot, "vmlinuz-6.1"), nil, 0o644))
	k, err := FindKernel(dir)
	require.NoError(t, err)
	require.Equal(t, Kernel{
		Release: "6.1",
		Image:   filepath.Join(boot, "vmlinuz-6.1"),
		Modules: filepath.Join(dir, "unpacked", "lib", "modules", "6.1"),
		Config:  filepath.Join(boot, "config-6.1"),
	}, k)
	require.NoError(t, os.WriteFile(filepath.Join(boot, "vmlinuz-6.2"), nil, 0o644))
	_, err = FindKernel(dir)
	require.ErrorContains(t, err, "2 kernels in")
}
