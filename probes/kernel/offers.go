package kernel

import (
	"io/fs"
	"path"
	"strings"
)

// parts are what an operating system for virtual machines is asked to have and
// no module can bring, by option; what can be one is among Drivers.
var parts = []string{
	"CONFIG_SERIAL_AMBA_PL011_CONSOLE",
	"CONFIG_HVC_XEN",
	"CONFIG_ARM_GIC",
	"CONFIG_ARM_GIC_V3",
	"CONFIG_XEN_BALLOON",
}

// parseParts finds the values of parts and of Drivers' options in one pass: to
// look for each on its own would cost a boot under emulation a twentieth of a
// second.
func parseParts(config string) map[string]string {
	wanted := make(map[string]bool, len(parts)+len(Drivers))
	for _, option := range parts {
		wanted[option] = true
	}
	for i := range Drivers {
		wanted[Drivers[i].Option] = true
	}
	values := make(map[string]string, len(wanted))
	for line := range strings.Lines(config) {
		if option, value, ok := strings.Cut(line, "="); ok && wanted[option] {
			values[option] = strings.TrimSpace(value)
		}
	}
	return values
}

// lists are the texts that tell what modules a kernel has, at hand and built
// in; empty where a guest shows none.
type lists struct{ dep, alias, builtin, modinfo string }

// readLists reads them. The suite's own guest says of each module that counts
// what became of it.
func (f *Facts) readLists(fsys fs.FS) {
	if f.Context == ContextPID1 {
		return
	}
	for _, list := range []struct {
		name string
		text *string
	}{
		{"modules.dep", &f.lists.dep}, {"modules.alias", &f.lists.alias},
		{"modules.builtin", &f.lists.builtin}, {"modules.builtin.modinfo", &f.lists.modinfo},
	} {
		if data, err := fs.ReadFile(fsys, path.Join("lib/modules", f.Release, list.name)); err == nil {
			*list.text = string(data)
		}
	}
}

// atHand tells whether a module's file is there: modules.dep has its name, with
// dashes or underscores, and modules.alias what it drives.
func (l *lists) atHand(module string) bool {
	return hasFile(l.dep, module) || strings.Contains(l.alias, " "+module+"\n")
}

// isBuiltin tells whether the kernel has what could be a module.
func (l *lists) isBuiltin(module string) bool {
	return hasFile(l.builtin, module) || strings.HasPrefix(l.modinfo, module+".") || strings.Contains(l.modinfo, "\x00"+module+".")
}

func hasFile(list, module string) bool {
	return strings.Contains(list, "/"+module+".ko") || strings.Contains(list, "/"+strings.ReplaceAll(module, "_", "-")+".ko")
}

// Offers tells how the kernel has a part that an option stands for, one of
// parts or Drivers: built in, or as a module that is at hand. Else it says that
// the kernel lacks it, or why that is not known. One of the three is not empty.
func (f *Facts) Offers(option string) (has, lacks, unknown string) {
	value, module := f.options[option], moduleOf(option)
	name := strings.TrimPrefix(option, "CONFIG_")
	state := f.Modules[module]
	switch {
	case value == "y":
		return name + "=y", "", ""
	case module == "":
	case f.lists.isBuiltin(module):
		return name + "=y", "", ""
	case f.loaded[module] || state == "loaded" || state == "idle" || f.lists.atHand(module):
		return name + "=m", "", ""
	case value == "m" && f.Context == ContextPID1: // of its modules the suite carries only some
		return name + "=m", "", ""
	case value == "m" && f.partial:
		return "", "", option + " is a module, which is not in the initial ramdisk, and other file systems are not read"
	case value == "m" && f.lists.dep+f.lists.alias == "":
		return "", "", option + " is a module, and what modules there are is not known"
	case value == "m":
		return "", option + " is a module, which is not at hand", ""
	}
	if f.Config == "" {
		return "", "", "this kernel's configuration is unknown: has it " + option + "?"
	}
	return "", "this kernel lacks " + option, ""
}
