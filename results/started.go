package results

import (
	"path/filepath"
	"slices"
	"strings"
)

// started is what a VMM was given to start first. Both are empty if its command line
// does not say.
type started struct {
	firmware string // file, or what else the option names
	kernel   string
}

// A vmmKind is how the command line of a VMM names what it starts.
type vmmKind struct {
	program          string // prefix of its name
	firmware, kernel []string
	// opaque are options by which it may start something else.
	opaque []string
}

// vmmKinds are VMMs whose options say what runs first. Cloud Hypervisor is not
// among them with its --kernel: firmware is given by that, too.
var vmmKinds = []vmmKind{
	{"qemu-system-", []string{"bios", "pflash"}, []string{"kernel"}, []string{"readconfig", "loadvm", "incoming"}},
	{"qemu-kvm", []string{"bios", "pflash"}, []string{"kernel"}, []string{"readconfig", "loadvm", "incoming"}},
	{"lkvm", []string{"firmware", "f"}, []string{"kernel", "k"}, nil},
	{"kvmtool", []string{"firmware", "f"}, []string{"kernel", "k"}, nil},
	{"cloud-hypervisor", []string{"firmware"}, nil, []string{"kernel", "restore"}},
	{"crosvm", []string{"bios"}, nil, []string{"cfg"}},
}

// startOf reads the command line of a VMM.
func startOf(command []string) (s started) {
	if len(command) == 0 {
		return started{}
	}
	program := filepath.Base(command[0])
	at := slices.IndexFunc(vmmKinds, func(k vmmKind) bool { return strings.HasPrefix(program, k.program) })
	if at < 0 {
		return started{}
	}
	kind := vmmKinds[at]
	for i, arg := range command[1:] {
		name, value, whole := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !strings.HasPrefix(arg, "-") {
			continue
		}
		if !whole && i+2 < len(command) {
			value = command[i+2]
		}
		switch {
		case slices.Contains(kind.opaque, name), name == "device" && strings.HasPrefix(value, "loader,"):
			return started{}
		case slices.Contains(kind.firmware, name):
			s.firmware = value
		case slices.Contains(kind.kernel, name):
			s.kernel = value
		case s.firmware == "" && strings.HasPrefix(kind.program, "qemu"):
			s.firmware = flashed(name, value)
		}
	}
	return s
}

// flashed returns what an option of QEMU's puts into flash at the reset vector.
func flashed(option, value string) string {
	flash, file := false, ""
	for part := range strings.SplitSeq(strings.ReplaceAll(value, ",,", "\x00"), ",") {
		key, of, _ := strings.Cut(part, "=")
		of = strings.ReplaceAll(of, "\x00", ",")
		switch {
		case option == "drive" && key == "if" && of == "pflash":
			flash = true
		case option == "drive" && key == "file":
			file = of
		case (option == "machine" || option == "M") && (key == "pflash0" || key == "firmware"):
			return of
		}
	}
	if !flash {
		return ""
	}
	return file
}

// uefiFirst is the requirement that UEFI firmware runs first.
const uefiFirst = "FW-UEFI-FIRST"

// judgeFirst judges it by what the VMM was given, and by whether UEFI started the
// guest. A file that the VMM took for a kernel may be firmware.
func judgeFirst(v view) (Verdict, string) {
	s := startOf(v.Command)
	switch {
	case v.uefi == Pass && s.firmware != "":
		return Pass, "the VMM starts firmware: " + filepath.Base(s.firmware)
	case v.uefi != Fail:
		return Skip, ""
	case s.firmware != "":
		return Fail, "the VMM starts " + filepath.Base(s.firmware) + ", and the guest was not started by UEFI"
	case s.kernel != "":
		return Fail, "the VMM starts the kernel itself: " + filepath.Base(s.kernel)
	}
	return Skip, ""
}

// loaded says of a device tree that a boot loader handed it over, and not the
// firmware.
func (r *Report) loaded(loader string) {
	i := slices.IndexFunc(r.Points, func(p Point) bool { return p.ID == "HW-FDT-UEFI" && p.Verdict == Pass })
	if loader == "" || i < 0 {
		return
	}
	text := "a boot loader supplied the device tree: " + loader
	r.Points[i].Found += "; " + text
	r.Observed = append(r.Observed, "HW-FDT-UEFI pass: "+text)
}
