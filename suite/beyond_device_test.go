package suite

var deviceMutants = []mutant{
	{
		name: "a disk with a bad block", guest: devicesGuest, change: edit("vmspec/disks", "read vda 0 ok", "read vda 0 EIO input/output error"),
		want:    map[string]Verdict{"PLAT-BLOCK-READ": Fail},
		problem: map[string]string{"PLAT-BLOCK-READ": "vda at byte 0: EIO input/output error"},
	},
	{
		name: "a disk shorter than it says", guest: devicesGuest, change: edit("vmspec/disks", "read vda 4193792 ok", "read vda 4193792 short 0"),
		want:    map[string]Verdict{"PLAT-BLOCK-READ": Fail},
		problem: map[string]string{"PLAT-BLOCK-READ": "vda at byte 4193792: short 0"},
	},
	{
		name: "a disk that is not ours to open", guest: devicesGuest, change: replace("vmspec/disks", "open vda EACCES permission denied\n"),
		want:    map[string]Verdict{"PLAT-BLOCK-READ": Error},
		problem: map[string]string{"PLAT-BLOCK-READ": "vda: EACCES permission denied"},
	},
	{
		name: "a disk that hangs", guest: devicesGuest, change: replace("vmspec/disks", "error hung for 15s\n"),
		want:    map[string]Verdict{"PLAT-BLOCK-READ": Error},
		problem: map[string]string{"PLAT-BLOCK-READ": "hung for 15s"},
	},
	{
		name: "a kernel that wants another memory to read into", guest: devicesGuest,
		change: edit("vmspec/disks", "read vda 0 ok", "read vda 0 EINVAL invalid argument"),
		want:   map[string]Verdict{"PLAT-BLOCK-READ": Error},
	},
	{
		name: "a disk that was not read to its end", guest: devicesGuest, change: replace("vmspec/disks", "open vda ok\nread vda 0 ok\n"),
		want:    map[string]Verdict{"PLAT-BLOCK-READ": Error},
		problem: map[string]string{"PLAT-BLOCK-READ": "did not finish"},
	},
	{
		name: "a drive without a medium", guest: devicesGuest, change: all(replace("sys/block/vda/size", "0\n"), replace("vmspec/disks", "")),
		want: map[string]Verdict{"PLAT-BLOCK-READ": Skip},
	},
	{
		name: "a virtio-blk without a disk", guest: devicesGuest, change: remove("sys/block/vda"),
		want:    with(imageVerdicts(Skip), map[string]Verdict{"PLAT-BLOCK-READ": Error}),
		problem: map[string]string{"PLAT-BLOCK-READ": "this kernel has no disk for virtio-block on pci"},
	},
	{
		name: "a network without a carrier", guest: devicesGuest, change: replace("vmspec/network", "up eth0 ok\ncarrier eth0 0\n"),
		want:    map[string]Verdict{"PLAT-NET-LINK": Fail},
		problem: map[string]string{"PLAT-NET-LINK": "no carrier on eth0 (virtio_net)"},
	},
	{
		name: "a network on which nobody answers", guest: devicesGuest, change: replace("vmspec/network", "up eth0 ok\ncarrier eth0 1\nask eth0 ok\n"),
		want: map[string]Verdict{},
	},
	{
		name: "a kernel without packet sockets", guest: devicesGuest,
		change:  replace("vmspec/network", "up eth0 EAFNOSUPPORT address family not supported by protocol\n"),
		want:    map[string]Verdict{"PLAT-NET-LINK": Error},
		problem: map[string]string{"PLAT-NET-LINK": "eth0: EAFNOSUPPORT"},
	},
	{
		name: "a virtio-net without an interface", guest: devicesGuest, change: remove("sys/class/net/eth0"),
		want: map[string]Verdict{"PLAT-NET-LINK": Error},
	},
	{
		name: "our own vmspec.readonly before a network", guest: devicesGuest, change: all(edit("proc/cmdline", "panic=-1", "vmspec.readonly"), remove("vmspec/network")),
		want: map[string]Verdict{"FW-VAR-WRITE": Skip, "PLAT-CPU-OFFLINE": Skip, "PLAT-CONSOLE-INPUT": Skip, "PLAT-NET-LINK": Skip, "PLAT-VIRTIO-PORT": Skip},
	},
	{
		name: "random bytes that are all the same", guest: devicesGuest, change: replace("vmspec/entropy", "source virtio_rng.0\nbytes 32 1\n"),
		want:    map[string]Verdict{"PLAT-RNG-BYTES": Fail},
		problem: map[string]string{"PLAT-RNG-BYTES": "all 32 bytes are the same"},
	},
	{
		name: "a source that its host keeps short", guest: devicesGuest, change: replace("vmspec/entropy", "source virtio_rng.0\nbytes 1 1\n"),
		want:    map[string]Verdict{"PLAT-RNG-BYTES": Error},
		problem: map[string]string{"PLAT-RNG-BYTES": "only 1 byte came in time"},
	},
	{
		name: "another source than the virtio one", guest: devicesGuest, change: replace("vmspec/entropy", "source tpm-rng-0\nbytes 32 1\n"),
		want: map[string]Verdict{"PLAT-RNG-BYTES": Error},
	},
	{
		name: "a source that cannot be opened", guest: devicesGuest, change: replace("vmspec/entropy", "source virtio_rng.0\nerror open /dev/hwrng: EACCES\n"),
		want: map[string]Verdict{"PLAT-RNG-BYTES": Error},
	},
}
