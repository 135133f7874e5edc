package suite

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes"
	"vmspec/probes/cpu"
	"vmspec/probes/disk"
	"vmspec/probes/guest/guesttest"
	"vmspec/probes/memory"
	"vmspec/probes/network"
	"vmspec/probes/pci"
	"vmspec/probes/tpm"
	"vmspec/probes/virtio"
	"vmspec/results/report"
)

// numbers are those of a guest that saw them all.
func numbers(cpus, memory, ram, gic, nics, rng, balloon, tpm uint64) map[string]uint64 {
	n := map[string]uint64{"cpus": cpus, "memory": memory, "ram": ram, "gic": gic, "nics": nics, "rng": rng, "balloon": balloon, "tpm": tpm}
	if memory == 0 { // ACPI
		delete(n, "memory")
	}
	return n
}

func TestSeenByGuests(t *testing.T) {
	for name, want := range map[string]report.Seen{
		"qemu-virt-gicv2":        {Numbers: numbers(1, 512, 512, 2, 0, 1, 0, 0), Consoles: []string{"pl011"}, Disks: []report.Disk{}},
		"qemu-virt-uefi-devices": {Numbers: numbers(2, 512, 506, 3, 1, 2, 1, 0), Consoles: []string{"pl011"}, Disks: []report.Disk{{Name: "vda", Bytes: 4 << 20}}},
		"qemu-virt-uefi-tpm":     {Numbers: numbers(1, 512, 506, 3, 0, 1, 0, 1), Consoles: []string{"pl011"}, Disks: []report.Disk{}},
		"qemu-virt-acpi":         {Numbers: numbers(2, 0, 506, 3, 0, 1, 0, 0), Consoles: []string{"pl011"}, Disks: []report.Disk{}},
		"qemu-virt-arm32":        {Numbers: numbers(1, 512, 512, 2, 0, 1, 0, 0), Consoles: []string{"pl011"}, Disks: []report.Disk{}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, &want, Judge(probes.Read(guesttest.Open(t, name))).Report().Appendix.Seen)
		})
	}
}

// Memory that ACPI adds and our kernel does not use is not said to be missing.
func TestSeenMemoryOfACPI(t *testing.T) {
	files := guesttest.Open(t, "qemu-virt-acpi")
	require.Equal(t, uint64(506), seen(probes.Read(files)).Numbers[report.SeenRAM])
	files = files.With(map[string][]byte{"sys/bus/acpi/devices/PNP0C80:00": {}})
	require.NotContains(t, seen(probes.Read(files)).Numbers, report.SeenRAM)
	config := "lib/modules/6.1.0-56-arm64/config"
	text, err := files.ReadFile(config)
	require.NoError(t, err)
	files = files.With(map[string][]byte{config: append(text, "\nCONFIG_ACPI_HOTPLUG_MEMORY=y\n"...)})
	require.Equal(t, uint64(506), seen(probes.Read(files)).Numbers[report.SeenRAM], "a kernel that uses it says how much there is")
}

// What cannot be told is left out.
func TestSeenNot(t *testing.T) {
	whole := func() *probes.Facts {
		return &probes.Facts{
			CPU: &cpu.Facts{}, Memory: &memory.Facts{}, TPM: &tpm.Facts{}, PCI: &pci.Facts{},
			Virtio: []virtio.Device{{ID: virtio.Block, Driver: "virtio_blk"}, {ID: virtio.Net}},
			Disk:   []disk.Disk{{Name: "sr0"}, {Name: "vda", Size: 512}}, Network: []network.Interface{{Name: "eth0", Driver: "e1000"}},
		}
	}
	all := seen(whole())
	require.Equal(t, map[string]uint64{"nics": 2, "rng": 0, "balloon": 0, "tpm": 0}, all.Numbers)
	require.Equal(t, []report.Disk{{Name: "vda", Bytes: 512}}, all.Disks)
	for name, c := range map[string]struct {
		change func(*probes.Facts)
		key    string
	}{
		"no PCI":                  {func(f *probes.Facts) { f.PCI, f.Errors = nil, map[string]string{"pci": "EIO"} }, "nics"},
		"a NIC without driver":    {func(f *probes.Facts) { f.PCI.Functions = []pci.Function{{Class: 0x020000}} }, "nics"},
		"a virtio without driver": {func(f *probes.Facts) { f.PCI.Functions = []pci.Function{{Class: 0xff0000}} }, "rng"},
		"no TPM facts":            {func(f *probes.Facts) { f.TPM = nil }, "tpm"},
		"no network":              {func(f *probes.Facts) { f.Errors = map[string]string{"network": "EIO"} }, "nics"},
	} {
		f := whole()
		c.change(f)
		require.NotContains(t, seen(f).Numbers, c.key, name)
	}
	f := whole()
	f.PCI.Functions = []pci.Function{{Class: 0x010802}}
	require.Nil(t, seen(f).Disks)
	f = whole()
	f.Virtio[0].Driver = ""
	require.Nil(t, seen(f).Disks)
	require.Equal(t, &report.Seen{Numbers: map[string]uint64{"rng": 0, "balloon": 0, "nics": 0}, Disks: []report.Disk{}}, seen(&probes.Facts{}))
}
