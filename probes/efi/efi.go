// Package efi finds what UEFI firmware left a Linux guest: that it booted
// through it, the system table's revision and configuration tables, and
// whether runtime variable services answer.
package efi

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"vmspec/probes/fdt"
	"vmspec/probes/kernel"
	"vmspec/probes/note"
)

// GUIDs of configuration tables: UEFI Specification 2.10, section 4.6.
const (
	DeviceTreeGUID = "b1b621d5-f19c-41a5-830b-d9152c69aae0"
	ACPI20GUID     = "8868e871-e4f1-11d3-bc22-0080c73c8881"
)

// Facts are about the firmware. Without Booted the rest is empty.
type Facts struct {
	Booted       bool     // the kernel runs on UEFI's services: /sys/firmware/efi
	PlatformSize int      // the firmware's word size in bits; 0 if the kernel does not say
	Systab       []string // lines of /sys/firmware/efi/systab, such as SMBIOS3=0x…
	Stub         bool     // the EFI stub ran: it left /chosen/linux,uefi-system-table
	Revision     *Revision
	Source       string // of Revision: "system table" or "kernel log"
	Vendor       string
	Tables       []Table // of the configuration table, in its order
	TablesErr    string  // why Tables is unknown
	Runtime      Runtime
	Crash        string `json:",omitempty"` // the kernel's line, where it stopped using a firmware that crashed
	Variables    string // how efivarfs is mounted: "rw", "ro", empty if it is not
	VariableErr  string // why Variables is unknown
	MountErr     string // why efivarfs could not be mounted, where the suite tried
	Names        int    // how many variables efivarfs lists
	Trial        Trial  // of a variable of the suite's own
	// Mark is what an earlier boot left in a variable, and what this one left; nil if
	// that was not tried. MarkErr says why there is no more of it.
	Mark         *MarkNote `json:",omitempty"`
	MarkErr      string    `json:",omitempty"`
	Boot         []LoadOption
	BootOrder    []int  // numbers of load options
	BootCurrent  *int   // the one that was booted; nil if the firmware does not say
	BootErr      string // what is wrong with the boot variables
	DTBParameter bool   // the command line names a device tree of its own
}

// A Revision of the UEFI specification as EFI_TABLE_HEADER has it: major, and
// minor times ten. 2.4 is {2, 40}, 2.10 is {2, 100}.
type Revision struct{ Major, Minor int }

// String writes a revision as firmware does, 2.40 for {2, 40}.
func (r Revision) String() string { return fmt.Sprintf("%d.%02d", r.Major, r.Minor) }

// Less compares two revisions.
func (r Revision) Less(than Revision) bool {
	return r.Major < than.Major || r.Major == than.Major && r.Minor < than.Minor
}

// Runtime is what became of the runtime services.
type Runtime string

// The kernel's messages distinguish these. Unknown is for a log without any.
const (
	RuntimeOn       Runtime = "on"
	RuntimeOff      Runtime = "off"          // the firmware's doing
	RuntimeDisabled Runtime = "switched off" // the kernel's, or its command line's
	RuntimeUnknown  Runtime = ""
)

const dir = "sys/firmware/efi"

// Read finds the facts out. A guest that was not booted by UEFI is an answer.
func Read(fsys fs.FS) (*Facts, error) {
	var f Facts
	_, err := fs.Stat(fsys, dir+"/systab")
	if errors.Is(err, fs.ErrNotExist) {
		_, err = fs.Stat(fsys, dir+"/fw_platform_size")
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &f, nil
	}
	if err != nil {
		return nil, err
	}
	f.Booted = true
	systab, _ := fs.ReadFile(fsys, dir+"/systab") // root's alone; the tables say the same
	f.Systab = strings.Fields(string(systab))
	if text, err := fs.ReadFile(fsys, dir+"/fw_platform_size"); err == nil {
		f.PlatformSize, _ = strconv.Atoi(strings.TrimSpace(string(text)))
	}
	f.readTree(fsys)
	f.readTables(fsys)
	f.readKernel(fsys)
	f.readVariables(fsys)
	if err := note.Read(fsys, &f.Trial); err != nil {
		f.Trial.Err = err.Error()
	}
	f.readMark(fsys)
	if err := f.readBoot(fsys); err != nil {
		f.BootErr = err.Error()
	}
	return &f, nil
}

func (f *Facts) readTree(fsys fs.FS) {
	if tree, err := fdt.Load(fsys); err == nil {
		if chosen := tree.Root.Child("chosen"); chosen != nil {
			_, f.Stub = chosen.Value("linux,uefi-system-table")
		}
	}
}

// readTables reads what the system table says.
func (f *Facts) readTables(fsys fs.FS) {
	var n TableNote
	if err := note.Read(fsys, &n); err != nil {
		f.TablesErr = err.Error()
	}
	f.Vendor, f.Tables = n.Vendor, n.Tables
	if n.Revision != nil {
		f.Revision, f.Source = &Revision{Major: int(*n.Revision >> 16), Minor: int(*n.Revision & 0xffff)}, "system table"
	}
}

// Table tells whether the configuration table holds an entry, and whether
// that is known at all.
func (f *Facts) Table(guid string) (has, known bool) {
	for _, t := range f.Tables {
		if t.GUID == guid {
			return true, true
		}
	}
	return false, f.TablesErr == ""
}

// Describes tells whether the configuration table holds a description of the
// machine: a device tree or ACPI tables.
func (f *Facts) Describes() bool {
	tree, _ := f.Table(DeviceTreeGUID)
	acpi, _ := f.Table(ACPI20GUID)
	return tree || acpi
}

// parseVersion reads the kernel's message "efi: EFI v2.70 by EDK II"
// (drivers/firmware/efi/efi.c, efi_systab_report_header). Older kernels write revision bits 15 to 0 as they are, 2.70; newer ones the
// specification's numbers, 2.7 or 2.3.1. No UEFI older than 2.0 ran on ARM, so a
// minor number under 20 is a newer kernel's.
func parseVersion(line string) (r Revision, vendor string, ok bool) {
	_, text, _ := strings.Cut(line, "efi: EFI v")
	text, vendor, ok = strings.Cut(text, " by ")
	words := strings.Split(text, ".")
	if !ok || len(words) < 2 || len(words) > 3 {
		return Revision{}, "", false
	}
	var numbers [3]int
	for i, w := range words {
		n, err := strconv.ParseUint(w, 10, 16)
		if err != nil {
			return Revision{}, "", false
		}
		numbers[i] = int(n)
	}
	r = Revision{Major: numbers[0], Minor: numbers[1]}
	if len(words) == 3 || r.Minor < 20 {
		r.Minor = 10*r.Minor + numbers[2]
	}
	return r, vendor, true
}

// runtimeMessages are the kernel's (drivers/firmware/efi/arm-runtime.c). It
// says that it enables the services before it finds out that it cannot.
var runtimeMessages = []struct {
	text  string
	means Runtime
}{
	{"EFI runtime services will be disabled", RuntimeDisabled},
	{"Remapping and enabling EFI services", RuntimeOn},
	{"EFI runtime services access via paravirt", RuntimeOn}, // by Xen
	{"UEFI virtual mapping missing or invalid", RuntimeOff},
}

// crashMessages are what the kernel says of a runtime service that crashed, the
// best first: arch/arm64/kernel/efi.c, efi_runtime_fixup_exception,
// arch/x86/platform/efi/quirks.c, and drivers/firmware/efi/runtime-wrappers.c.
var crashMessages = []string{" in EFI runtime service", "disabled EFI Runtime Services", "EFI Runtime Services are disabled!"}

// crash returns the kernel's line of a crash in a runtime service, without its
// time stamp; empty if there is none.
func crash(log []string) string {
	for _, words := range crashMessages {
		for _, line := range log {
			if strings.Contains(line, words) {
				return kernel.Message(line)
			}
		}
	}
	return ""
}

func (f *Facts) readKernel(fsys fs.FS) {
	line, err := fs.ReadFile(fsys, "proc/cmdline")
	if err == nil {
		k := kernel.Facts{CommandLine: string(line)}
		f.DTBParameter = k.Has("dtb")
		if k.Has("noefi") || slices.Contains(strings.Split(k.Value("efi"), ","), "noruntime") {
			f.Runtime = RuntimeDisabled
		}
	}
	log, err := kernel.Log(fsys)
	if err != nil {
		return
	}
	f.Crash = crash(log)
	for _, line := range log {
		if r, vendor, ok := parseVersion(line); ok && f.Revision == nil {
			f.Revision, f.Source, f.Vendor = &r, "kernel log", vendor
		}
		for _, m := range runtimeMessages {
			if f.Runtime != RuntimeDisabled && strings.Contains(line, m.text) {
				f.Runtime = m.means
			}
		}
	}
}

// readVariables sees how efivarfs is mounted: read-only where the firmware
// has no SetVariable at run time (fs/efivarfs/super.c).
func (f *Facts) readVariables(fsys fs.FS) {
	mounts, err := kernel.Mounts(fsys)
	if err != nil {
		f.VariableErr = err.Error()
		return
	}
	for _, m := range mounts {
		if m.Type == "efivarfs" {
			f.Variables = access(m)
		}
	}
	if err := note.Read(fsys, MountsNote()); err != nil && !errors.Is(err, fs.ErrNotExist) && f.Variables == "" {
		f.MountErr = err.Error()
	}
	if entries, err := fs.ReadDir(fsys, dir+"/efivars"); err == nil {
		f.Names = len(entries)
	}
}

// access is "ro" where the mount or its file system is.
func access(m kernel.Mount) string {
	if slices.Contains(m.Options, "ro") || slices.Contains(m.SuperOptions, "ro") {
		return "ro"
	}
	return "rw"
}
