package suite

import "strings"

// bit switches a feature of a virtio device.
func bit(device string, n int, to byte) change {
	return set(virtioBus+device+"/features", map[int]byte{n: to})
}

var virtioMutants = []mutant{
	{
		name: "a legacy virtio device", guest: uefiGuest,
		change:  replace("sys/bus/virtio/devices/virtio0/features", strings.Repeat("0", 64)+"\n"),
		want:    map[string]Verdict{"PLAT-VIRTIO-MODERN": Fail},
		problem: map[string]string{"PLAT-VIRTIO-MODERN": "legacy: virtio-"},
	},
	{
		name: "a legacy device without FEATURES_OK", guest: busGuest,
		change: all(bit("virtio0", 32, '0'), replace(virtioBus+"virtio0/status", "0x00000007\n")),
		want:   map[string]Verdict{"PLAT-VIRTIO-MODERN": Fail},
	},
	{
		name: "a device without a driver", guest: busGuest,
		change: all(remove(virtioBus+"virtio4/driver"), replace(virtioBus+"virtio4/status", "0x00000001\n"),
			replace(virtioBus+"virtio4/features", strings.Repeat("0", 64)+"\n")),
		want: map[string]Verdict{},
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
}
