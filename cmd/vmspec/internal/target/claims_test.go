package target_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/results"
)

func TestClaims(t *testing.T) {
	virt, err := target.Find("qemu-virt")
	require.NoError(t, err)
	c := virt.Claims(with(func(o *target.Options) { o.CPUs, o.Memory, o.GIC = 4, 256, 2 }))
	require.Equal(t, []uint64{4, 256, 2, 0, 1, 0, 0}, []uint64{*c.CPUs, *c.Memory, *c.GIC, *c.NICs, *c.RNG, *c.Balloon, *c.TPM})
	require.Equal(t, []string{"pl011"}, *c.Consoles)
	require.Empty(t, *c.Disks)
	require.NotNil(t, *c.Disks)
	require.False(t, c.More)
}

// What QEMU's own arguments may change is not claimed.
func TestClaimsExtra(t *testing.T) {
	virt, err := target.Find("qemu-virt")
	require.NoError(t, err)
	extra := func(args ...string) *results.Claims {
		return virt.Claims(with(func(o *target.Options) { o.Extra = args }))
	}
	c := extra("-device", "virtio-net-pci")
	require.True(t, c.More)
	require.NotNil(t, c.CPUs)
	require.Nil(t, extra("-smp", "2").CPUs)
	require.Nil(t, extra("--smp", "2").CPUs)
	require.Nil(t, extra("-m", "1G").Memory)
	require.NotNil(t, extra("-name", "m").Memory)
	require.Nil(t, extra("-machine", "virt").GIC)
	require.Nil(t, extra("-M", "virt").GIC)
}

func TestClaimsOfDisk(t *testing.T) {
	disk, err := target.Find("qemu-image")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "disk.img")
	require.NoError(t, os.WriteFile(file, make([]byte, 1000), 0o600))
	claims := func(image string) *results.Claims {
		return disk.Claims(with(func(o *target.Options) { o.Image = image }))
	}
	require.Equal(t, []results.DiskClaim{{Name: "image", Bytes: 1024}}, *claims(file).Disks)
	require.Nil(t, claims("/dev/null").Disks)
	require.Nil(t, claims(file+".not").Disks)
}

// A domain of Xen's has none of the machine's devices, and not more than it was given.
func TestClaimsOfXen(t *testing.T) {
	for name, console := range map[string]string{"xen-dom0": "xen", "xen-dom0less": "sbsa", "xen-domu": "xen"} {
		xen, err := target.Find(name)
		require.NoError(t, err)
		c := xen.Claims(with(func(o *target.Options) { o.CPUs, o.Memory = 2, 256 }))
		require.Equal(t, []string{console}, *c.Consoles)
		require.Zero(t, *c.RNG)
		require.Nil(t, c.Disks)
		require.Nil(t, c.NICs)
		require.Nil(t, c.GIC)
		if name == "xen-dom0" { // it has what Xen leaves of the machine
			require.Nil(t, c.CPUs)
			continue
		}
		require.Equal(t, []uint64{2, 256}, []uint64{*c.CPUs, *c.Memory})
	}
}
