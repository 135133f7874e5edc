package suite

// devicesGuest has a disk, a network and more, all of which were tried.
const devicesGuest = "qemu-virt-uefi-devices"

// A whole trial of a variable.
const variables = "space 260456 262044\ncreate ok\nread ok\nappend ok\nreread ok\ndelete ok\n"

// askedInput is of a terminal on which somebody was asked.
const askedInput = "asked ttyAMA0 0a1b2c3d ok\n"

// ioMutants are guests whose firmware or devices do not do what they should
// when somebody tries.
var ioMutants = []mutant{
	{
		name: "a variable that can be written", guest: uefiGuest, change: replace("vmspec/variables", variables),
		want: map[string]Verdict{"FW-VAR-WRITE": Pass},
	},
	{
		name: "SetVariable that refuses", guest: uefiGuest, change: replace("vmspec/variables", "create EIO input/output error\n"),
		want:    map[string]Verdict{"FW-VAR-WRITE": Fail, "FW-VAR-RUNTIME": Fail},
		problem: map[string]string{"FW-VAR-WRITE": "create: EIO", "FW-VAR-RUNTIME": "a variable could not be created: EIO"},
	},
	{
		name: "a full variable store", guest: uefiGuest, change: replace("vmspec/variables", "space 0 262044\ncreate ENOSPC no space left on device\n"),
		want:    map[string]Verdict{"FW-VAR-WRITE": Fail},
		problem: map[string]string{"FW-VAR-WRITE": "create: ENOSPC no space left on device"},
	},
	{
		name: "a variable that comes back as another", guest: uefiGuest, change: replace("vmspec/variables", "create ok\nread differs\ndelete ok\n"),
		want:    map[string]Verdict{"FW-VAR-WRITE": Fail},
		problem: map[string]string{"FW-VAR-WRITE": "read: differs"},
	},
	{
		name: "a firmware without EFI_VARIABLE_APPEND_WRITE", guest: uefiGuest,
		change:  replace("vmspec/variables", "create ok\nread ok\nappend EINVAL invalid argument\ndelete ok\n"),
		want:    map[string]Verdict{"FW-VAR-WRITE": Fail},
		problem: map[string]string{"FW-VAR-WRITE": "append: EINVAL"},
	},
	{
		name: "a variable that stays", guest: uefiGuest,
		change: replace("vmspec/variables", "create ok\nread ok\nappend ok\nreread ok\ndelete EINVAL invalid argument\n"),
		want:   map[string]Verdict{"FW-VAR-WRITE": Fail},
	},
	{
		name: "a kernel that does not let write", guest: uefiGuest, change: replace("vmspec/variables", "create EPERM operation not permitted\n"),
		want: map[string]Verdict{}, problem: map[string]string{"FW-VAR-WRITE": "create: EPERM"},
	},
	{
		name: "a firmware that hangs in SetVariable", guest: uefiGuest, change: replace("vmspec/variables", "error hung for 15s\n"),
		want: map[string]Verdict{}, problem: map[string]string{"FW-VAR-WRITE": "hung for 15s"},
	},
	{
		name: "a trial of a variable that broke off", guest: uefiGuest, change: replace("vmspec/variables", "create ok\n"),
		want: map[string]Verdict{}, problem: map[string]string{"FW-VAR-WRITE": "did not come to its end"},
	},
	{
		name: "our own vmspec.readonly", guest: uefiGuest, change: edit("proc/cmdline", "panic=-1", "vmspec.readonly"),
		want:    map[string]Verdict{"FW-VAR-WRITE": Skip, "PLAT-CPU-OFFLINE": Skip, "PLAT-CONSOLE-INPUT": Skip, "PLAT-VIRTIO-PORT": Skip},
		problem: map[string]string{"FW-VAR-WRITE": "vmspec.readonly"},
	},
	{
		name: "somebody else's guest", guest: uefiGuest, change: replace("vmspec/context", "program\n"),
		want:    map[string]Verdict{"FW-VAR-WRITE": Skip, "PLAT-CPU-OFFLINE": Skip, "PLAT-CONSOLE-INPUT": Skip, "PLAT-VIRTIO-PORT": Skip},
		problem: map[string]string{"FW-VAR-WRITE": "needs-own-guest"},
	},
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
		problem: map[string]string{"PLAT-BLOCK-READ": "did not come to its end"},
	},
	{
		name: "a drive without a medium", guest: devicesGuest, change: all(replace("sys/block/vda/size", "0\n"), replace("vmspec/disks", "")),
		want: map[string]Verdict{"PLAT-BLOCK-READ": Skip},
	},
	{
		name: "a virtio-blk without a disk", guest: devicesGuest, change: remove("sys/block/vda"),
		want:    with(imageVerdicts(Skip), map[string]Verdict{"PLAT-BLOCK-READ": Error}),
		problem: map[string]string{"PLAT-BLOCK-READ": "this kernel made no disk of virtio-block on pci"},
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
		problem: map[string]string{"PLAT-RNG-BYTES": "no more than 1 byte came in time"},
	},
	{
		name: "another source than the virtio one", guest: devicesGuest, change: replace("vmspec/entropy", "source tpm-rng-0\nbytes 32 1\n"),
		want: map[string]Verdict{"PLAT-RNG-BYTES": Error},
	},
	{
		name: "a source that cannot be opened", guest: devicesGuest, change: replace("vmspec/entropy", "source virtio_rng.0\nerror open /dev/hwrng: EACCES\n"),
		want: map[string]Verdict{"PLAT-RNG-BYTES": Error},
	},
	{
		name: "a port that cannot be opened", guest: devicesGuest, change: edit("vmspec/ports", " ok", " EIO input/output error"),
		want:    map[string]Verdict{"PLAT-VIRTIO-PORT": Fail},
		problem: map[string]string{"PLAT-VIRTIO-PORT": "EIO"},
	},
	{
		name: "a port that somebody has open", guest: devicesGuest, change: edit("vmspec/ports", " ok", " EBUSY device or resource busy"),
		want: map[string]Verdict{"PLAT-VIRTIO-PORT": Error},
	},
	{
		name: "a port that is a terminal", guest: devicesGuest, change: edit("vmspec/ports", " ok", " ENXIO no such device or address"),
		want: map[string]Verdict{"PLAT-VIRTIO-PORT": Skip},
	}, {
		name: "a virtio console without ports", guest: devicesGuest, change: replace("vmspec/ports", ""),
		want: map[string]Verdict{"PLAT-VIRTIO-PORT": Skip},
	},
	{
		name: "a console that loses what is typed", guest: devicesGuest, change: replace("vmspec/input", askedInput+"typed ttyAMA0 \"0a2c3d\\n\"\n"),
		want:    map[string]Verdict{"PLAT-CONSOLE-INPUT": Fail},
		problem: map[string]string{"PLAT-CONSOLE-INPUT": `ttyAMA0 read "0a2c3d" for 0a1b2c3d`},
	},
	{
		name: "a console that alters what is typed", guest: devicesGuest, change: replace("vmspec/input", askedInput+"typed ttyAMA0 \"0A1b2c3d\\n\"\n"),
		want: map[string]Verdict{"PLAT-CONSOLE-INPUT": Fail},
	},
	{
		name: "a console on which something else is typed", guest: devicesGuest, change: replace("vmspec/input", askedInput+"typed ttyAMA0 \"exit\\n\"\n"),
		want:    map[string]Verdict{"PLAT-CONSOLE-INPUT": Error},
		problem: map[string]string{"PLAT-CONSOLE-INPUT": `ttyAMA0 read "exit\n", not 0a1b2c3d`},
	},
	{
		name: "a console whose answer is not whole yet", guest: devicesGuest, change: replace("vmspec/input", askedInput+"typed ttyAMA0 \"0a1b2c\"\n"),
		want: map[string]Verdict{"PLAT-CONSOLE-INPUT": Error},
	},
	{
		name: "a console that repeats what is written", guest: devicesGuest, change: replace("vmspec/input", askedInput+"typed ttyAMA0 \"# vmspec: input please type 0a1b2c3d\\n\"\n"),
		want: map[string]Verdict{"PLAT-CONSOLE-INPUT": Error},
	},
	{
		name: "a console on which nobody answers", guest: devicesGuest, change: replace("vmspec/input", askedInput),
		want:    map[string]Verdict{"PLAT-CONSOLE-INPUT": Skip},
		problem: map[string]string{"PLAT-CONSOLE-INPUT": "nobody-answered"},
	},
	{
		name: "a console that cannot be asked on", guest: devicesGuest, change: replace("vmspec/input", "asked ttyAMA0 0a1b2c3d EIO input/output error\n"),
		want: map[string]Verdict{"PLAT-CONSOLE-INPUT": Error},
	},
	{
		name: "two consoles, of which one is answered", guest: devicesGuest, change: replace("vmspec/input", askedInput+"typed ttyAMA0 \"0a1b2c3d\\n\"\nasked hvc0 00000000 ok\n"),
		want: map[string]Verdict{},
	},
}
