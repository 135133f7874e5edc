package probes

import (
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest/guesttest"
)

// fuzzed are the files whose parsers have no fuzz test of their own, by a
// guest that has them.
var fuzzed = []struct{ guest, file string }{
	{"qemu-virt-gicv2", "vmspec/agreement"},
	{"qemu-virt-gicv2", "vmspec/arch"},
	{"qemu-virt-gicv2", "vmspec/clock"},
	{"qemu-virt-gicv2", "vmspec/counter"},
	{"qemu-virt-gicv2", "vmspec/kmsg"},
	{"qemu-virt-gicv2", "vmspec/modules"},
	{"qemu-virt-gicv2", "vmspec/offline"},
	{"qemu-virt-gicv2", "vmspec/parameters"},
	{"qemu-virt-gicv2", "vmspec/timer"},
	{"qemu-virt-gicv2", "vmspec/touch"},
	{"qemu-virt-gicv2", "proc/cmdline"},
	{"qemu-virt-gicv2", "proc/cpuinfo"},
	{"qemu-virt-gicv2", "proc/meminfo"},
	{"qemu-virt-gicv2", "proc/modules"},
	{"qemu-virt-gicv2", "proc/tty/drivers"},
	{"qemu-virt-gicv2", "proc/tty/driver/ttyAMA"},
	{"qemu-virt-gicv2", "sys/class/rtc/rtc0/name"},
	{"qemu-virt-gicv2", "sys/class/tty/ttyAMA0/type"},
	{"qemu-virt-gicv2", "sys/class/net/lo/mtu"},
	{"qemu-virt-gicv2", "sys/bus/virtio/devices/virtio0/device"},
	{"qemu-virt-gicv2", "sys/bus/virtio/devices/virtio0/status"},
	{"qemu-virt-gicv2", "sys/bus/virtio/devices/virtio0/features"},
	{"qemu-virt-gicv2", "sys/bus/pci/devices/0000:00:01.0/config"},
	{"qemu-virt-uefi-gicv3", "vmspec/efi"},
	{"qemu-virt-uefi-gicv3", "vmspec/smbios"},
	{"qemu-virt-uefi-gicv3", "proc/self/mountinfo"},
	{"qemu-virt-uefi-gicv3", "sys/class/dmi/id/bios_date"},
	{"xen-dom0", "sys/hypervisor/version/major"},
	{"xen-dom0", "sys/hypervisor/properties/features"},
	{"xen-domu", "sys/devices/vbd-51712/state"},
}

// FuzzRead puts any bytes in the place of one file of a captured guest. Each
// subject answers with facts or with an error, the same ones each time.
func FuzzRead(f *testing.F) {
	guests := guesttest.All(f)
	for i, one := range fuzzed {
		data, err := guests[one.guest].ReadFile(one.file)
		if err != nil {
			data = nil // the guest lacks it: the file is added
		}
		f.Add(uint8(i), data)
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		one := fuzzed[int(which)%len(fuzzed)]
		files := guests[one.guest].With(map[string][]byte{one.file: data})
		facts := Read(files)
		for subject, text := range facts.Errors {
			require.NotContains(t, text, "panicked", subject)
		}
		require.Equal(t, facts, Read(files))
	})
}
