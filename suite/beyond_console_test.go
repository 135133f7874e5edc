package suite

import "github.com/u-root/u-root/pkg/dt"

// askedInput is the note of a terminal on which the guest asked for a word.
const askedInput = "asked ttyAMA0 0a1b2c3d ok\n"

var beyondConsoleMutants = []mutant{
	{
		name: "no stdout-path, but a console", guest: uefiGuest,
		change: tree(func(root *dt.Node) { node(root, "chosen").RemoveProperty("stdout-path") }),
		want:   map[string]Verdict{"HW-STDOUT": Fail},
	},
	{
		name: "no SPCR", guest: acpiGuest, change: remove("sys/firmware/acpi/tables/SPCR"),
		want:    map[string]Verdict{"HW-ACPI-SBBR": Fail, "HW-STDOUT": Fail},
		problem: map[string]string{"HW-STDOUT": "there is no SPCR"},
	},
	{
		name: "a damaged SPCR", guest: acpiGuest, change: replace("sys/firmware/acpi/tables/SPCR", "SPCR"),
		want: map[string]Verdict{"HW-ACPI-SBBR": Fail, "HW-STDOUT": Fail, "HW-ACPI-BOOT": Fail},
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
	},
	{
		name: "a virtio console without ports", guest: devicesGuest, change: replace("vmspec/ports", ""),
		want: map[string]Verdict{"PLAT-VIRTIO-PORT": Skip},
	},
	{
		name: "a console that loses what is typed", guest: devicesGuest, change: replace("vmspec/input", askedInput+"typed ttyAMA0 \"0a2c3d\\n\"\n"),
		want:    map[string]Verdict{"PLAT-CONSOLE-INPUT": Fail},
		problem: map[string]string{"PLAT-CONSOLE-INPUT": `ttyAMA0 read "0a2c3d", expected 0a1b2c3d`},
	},
	{
		name: "a console that alters what is typed", guest: devicesGuest, change: replace("vmspec/input", askedInput+"typed ttyAMA0 \"0A1b2c3d\\n\"\n"),
		want: map[string]Verdict{"PLAT-CONSOLE-INPUT": Fail},
	},
	{
		name: "a console on which something else is typed", guest: devicesGuest, change: replace("vmspec/input", askedInput+"typed ttyAMA0 \"exit\\n\"\n"),
		want:    map[string]Verdict{"PLAT-CONSOLE-INPUT": Error},
		problem: map[string]string{"PLAT-CONSOLE-INPUT": `ttyAMA0 read "exit\n", which is not the word 0a1b2c3d`},
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
