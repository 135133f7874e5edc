package suite

import "strings"

// bit switches a feature of a virtio device.
func bit(device string, n int, to byte) change {
	return set(virtioBus+device+"/features", map[int]byte{n: to})
}

// modernID makes the entropy device one that is not transitional.
var modernID = set(rngPCI+"config", map[int]byte{0x08: 1, 0x2e: 0, 0x2f: 0x11})

var virtioMutants = []mutant{
	{
		name: "a legacy virtio device", guest: uefiGuest,
		change:  replace("sys/bus/virtio/devices/virtio0/features", strings.Repeat("0", 64)+"\n"),
		want:    map[string]Verdict{"PLAT-VIRTIO-MODERN": Fail},
		problem: map[string]string{"PLAT-VIRTIO-MODERN": "legacy: virtio-"},
	},
	{
		name: "a device that needs a reset", guest: busGuest, change: replace(virtioBus+"virtio4/status", "0x0000004f\n"),
		want:    map[string]Verdict{"PLAT-VIRTIO-STATUS": Fail},
		problem: map[string]string{"PLAT-VIRTIO-STATUS": "virtio4, virtio-net on pci: status 0x4f needs a reset"},
	},
	{
		name: "a device that forgets FEATURES_OK", guest: busGuest, change: replace(virtioBus+"virtio0/status", "0x00000007\n"),
		want:    map[string]Verdict{"PLAT-VIRTIO-STATUS": Fail},
		problem: map[string]string{"PLAT-VIRTIO-STATUS": "virtio0, virtio-block on mmio: status 0x7 lost FEATURES_OK"},
	},
	{
		name: "a device that forgets who it is driven by", guest: busGuest, change: replace(virtioBus+"virtio0/status", "0x0000000c\n"),
		want: map[string]Verdict{"PLAT-VIRTIO-STATUS": Fail},
	},
	{
		name: "a device that was reset behind its driver's back", guest: busGuest, change: replace(virtioBus+"virtio0/status", "0x00000000\n"),
		want: map[string]Verdict{"PLAT-VIRTIO-STATUS": Fail},
	},
	{
		name: "a legacy device without FEATURES_OK", guest: busGuest,
		change: all(bit("virtio0", 32, '0'), replace(virtioBus+"virtio0/status", "0x00000007\n")),
		want:   map[string]Verdict{"PLAT-VIRTIO-MODERN": Fail},
	},
	{
		name: "a driver that gave up", guest: busGuest,
		change: all(remove(virtioBus+"virtio4/driver"), replace(virtioBus+"virtio4/status", "0x00000083\n")),
		want:   map[string]Verdict{},
	},
	{
		name: "a device without a driver", guest: busGuest,
		change: all(remove(virtioBus+"virtio4/driver"), replace(virtioBus+"virtio4/status", "0x00000001\n"),
			replace(virtioBus+"virtio4/features", strings.Repeat("0", 64)+"\n")),
		want: map[string]Verdict{},
	},
	{
		name: "a driver that is still starting", guest: busGuest, change: replace(virtioBus+"virtio4/status", "0x0000000b\n"),
		want: map[string]Verdict{},
	},
	{
		name: "a status bit of a later version", guest: busGuest, change: replace(virtioBus+"virtio4/status", "0x0000001f\n"),
		want: map[string]Verdict{},
	},
	{
		name: "no driver at all", guest: directGuest,
		change: all(replace(virtioBus+"virtio0/status", "0x00000001\n"), replace(virtioBus+"virtio1/status", "0x00000001\n"),
			replace(virtioBus+"virtio0/features", ""), replace(virtioBus+"virtio1/features", "")),
		want: map[string]Verdict{"PLAT-VIRTIO-STATUS": Error, "PLAT-VIRTIO-FEATURES": Error, "PLAT-VIRTIO-MODERN": Error},
	},
	{
		name: "control of reception without a control queue", guest: busGuest, change: all(bit("virtio4", 17, '0'), bit("virtio4", 19, '0'), bit("virtio4", 21, '0'), bit("virtio4", 23, '0')),
		want:    map[string]Verdict{"PLAT-VIRTIO-FEATURES": Fail},
		problem: map[string]string{"PLAT-VIRTIO-FEATURES": "virtio4, virtio-net on pci: CTRL_RX (bit 18) without bit 17, 5.1.3.1"},
	},
	{
		name: "a driver that gave up for that reason", guest: busGuest,
		change: all(bit("virtio4", 17, '0'), remove(virtioBus+"virtio4/driver"), replace(virtioBus+"virtio4/status", "0x0000008b\n")),
		want:   map[string]Verdict{"PLAT-VIRTIO-FEATURES": Fail},
	},
	{
		name: "ECN without segmentation", guest: busGuest, change: bit("virtio4", 13, '1'),
		want:    map[string]Verdict{"PLAT-VIRTIO-FEATURES": Fail},
		problem: map[string]string{"PLAT-VIRTIO-FEATURES": "HOST_ECN (bit 13) without bit 11 or 12"},
	},
	{
		name: "ECN with segmentation", guest: busGuest, change: all(bit("virtio4", 13, '1'), bit("virtio4", 12, '1'), bit("virtio4", 0, '1')),
		want: map[string]Verdict{},
	},
	{
		name: "a disk whose cache can be switched and not flushed", guest: busGuest, change: bit("virtio3", 9, '0'),
		want:    map[string]Verdict{"PLAT-VIRTIO-FEATURES": Fail},
		problem: map[string]string{"PLAT-VIRTIO-FEATURES": "CONFIG_WCE (bit 11) without bit 9, 5.2.5.2"},
	},
	{
		name: "a feature above a legacy device's 32", guest: busGuest, change: bit("virtio3", 32, '0'),
		want:    map[string]Verdict{"PLAT-VIRTIO-FEATURES": Fail, "PLAT-VIRTIO-MODERN": Fail},
		problem: map[string]string{"PLAT-VIRTIO-FEATURES": "bit 40 without VERSION_1"},
	},
	{
		name: "features of later versions", guest: busGuest, change: all(bit("virtio3", 41, '1'), bit("virtio3", 43, '1'), bit("virtio5", 24, '1')),
		want: map[string]Verdict{},
	},
	{
		name: "bits that mean something else in another device", guest: busGuest, change: all(bit("virtio5", 18, '1'), bit("virtio5", 11, '1')),
		want: map[string]Verdict{},
	},
	{
		name: "a transitional device of revision 1", guest: busGuest, change: set(rngPCI+"config", map[int]byte{0x08: 1}),
		want:    map[string]Verdict{"PLAT-VIRTIO-IDS": Fail},
		problem: map[string]string{"PLAT-VIRTIO-IDS": "0000:00:01.0: transitional device 0x1005 of revision 1, want 0"},
	},
	{
		name: "a transitional device with another's type", guest: busGuest, change: set(rngPCI+"config", map[int]byte{0x2e: 1}),
		want:    map[string]Verdict{"PLAT-VIRTIO-IDS": Fail},
		problem: map[string]string{"PLAT-VIRTIO-IDS": "the subsystem ID is that of type 1, the device is of type 4"},
	},
	{
		name: "a device that is not transitional", guest: busGuest, change: all(replace(rngPCI+"device", "0x1044\n"), modernID),
		want: map[string]Verdict{},
	},
	{
		name: "one of revision 0", guest: busGuest, change: replace(rngPCI+"device", "0x1044\n"),
		want:    map[string]Verdict{"PLAT-VIRTIO-IDS": Fail},
		problem: map[string]string{"PLAT-VIRTIO-IDS": "device 0x1044 of revision 0, want 1 or higher"},
	},
	{
		name: "one with another's ID", guest: busGuest, change: all(replace(rngPCI+"device", "0x1045\n"), modernID),
		want: map[string]Verdict{"PLAT-VIRTIO-IDS": Fail},
	},
	{
		name: "one of a type that this suite does not know", guest: busGuest,
		change: all(replace(rngPCI+"device", "0x1075\n"), modernID, replace(virtioBus+"virtio1/device", "0x0035\n")),
		want:   map[string]Verdict{},
	},
	{
		name: "IDs of a vendor's own", guest: busGuest, change: all(replace(rngPCI+"vendor", "0x1d0f\n"), replace(rngPCI+"device", "0xefa0\n"), modernID),
		want: map[string]Verdict{},
	},
	{
		name: "no ISR structure", guest: busGuest, change: set(rngPCI+"config", map[int]byte{0x53: 9}),
		want:    map[string]Verdict{"PLAT-VIRTIO-PCI": Fail},
		problem: map[string]string{"PLAT-VIRTIO-PCI": "0000:00:01.0: no structure virtio isr"},
	},
	{
		name: "no configuration of a disk", guest: busGuest, change: set(diskPCI+"config", map[int]byte{0x63: 9}),
		want:    map[string]Verdict{"PLAT-VIRTIO-PCI": Fail},
		problem: map[string]string{"PLAT-VIRTIO-PCI": "0000:00:03.0: no structure virtio device"},
	},
	{
		name: "no configuration of a generator, which has none", guest: busGuest, change: set(rngPCI+"config", map[int]byte{0x63: 9}),
		want: map[string]Verdict{},
	},
	{
		name: "a structure that ends behind its BAR", guest: busGuest, change: set(rngPCI+"config", map[int]byte{0x7d: 0x11}),
		want:    map[string]Verdict{"PLAT-VIRTIO-PCI": Fail},
		problem: map[string]string{"PLAT-VIRTIO-PCI": "virtio notify at 0x3000+0x1100, BAR 4 has 0x4000 bytes"},
	},
	{
		name: "a structure in a BAR that is not there", guest: busGuest, change: set(rngPCI+"config", map[int]byte{0x44: 2}),
		want:    map[string]Verdict{"PLAT-VIRTIO-PCI": Fail},
		problem: map[string]string{"PLAT-VIRTIO-PCI": "virtio common in BAR 2, which is not there"},
	},
	{
		name: "a structure that is not aligned", guest: busGuest, change: set(rngPCI+"config", map[int]byte{0x48: 2, 0x4d: 1}),
		want:    map[string]Verdict{"PLAT-VIRTIO-PCI": Fail},
		problem: map[string]string{"PLAT-VIRTIO-PCI": "not aligned to 4"},
	},
	{
		name: "a structure that is too short", guest: busGuest, change: set(rngPCI+"config", map[int]byte{0x4d: 0, 0x4c: 55}),
		want:    map[string]Verdict{"PLAT-VIRTIO-PCI": Fail},
		problem: map[string]string{"PLAT-VIRTIO-PCI": "virtio common of 55 bytes, want 56"},
	},
	{
		name: "notifications every three bytes", guest: busGuest, change: set(rngPCI+"config", map[int]byte{0x80: 3}),
		want:    map[string]Verdict{"PLAT-VIRTIO-PCI": Fail},
		problem: map[string]string{"PLAT-VIRTIO-PCI": "notify_off_multiplier 3"},
	},
	{
		name: "notifications all in one place", guest: busGuest, change: set(rngPCI+"config", map[int]byte{0x80: 0}),
		want: map[string]Verdict{},
	},
	{
		name: "shared memory behind its BAR", guest: busGuest, change: set(rngPCI+"config", map[int]byte{0x86: 24, 0x87: 8, 0x88: 4, 0x95: 0x50}),
		want:    map[string]Verdict{"PLAT-VIRTIO-PCI": Fail},
		problem: map[string]string{"PLAT-VIRTIO-PCI": "virtio shared memory"},
	},
	{
		name: "a transitional device without structures", guest: busGuest, change: set(rngPCI+"config", map[int]byte{0x34: 0x98}),
		want: map[string]Verdict{},
	},
	{
		name: "BARs that were not captured", guest: busGuest, change: remove(rngPCI + "resource"),
		want: map[string]Verdict{"PLAT-VIRTIO-PCI": Error, "PLAT-PCI-BARS": Error},
	},
}
