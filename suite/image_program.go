package suite

import (
	"fmt"
	"slices"
	"strings"

	"vmspec/probes/image"
)

// imageProgram is what boots, and where it lies.
var imageProgram = []Requirement{
	{
		ID: "IMG-BOOT-PATH", Title: "The boot program is at the removable media path",
		Asked:    "What boots lies in the EFI System Partition, at the path that UEFI tries on removable media.",
		Readings: everyText(by{4, 11}),
		How: "Looks for the file of the running architecture; an image that does not run needs that of either. No file, a " +
			"directory, or shim without a program beside it, fails. Skipped without a disk, an ESP or a FAT file system; what cannot be read is an error.",
		Subject: Image, Kind: Evidence, Clauses: imageFormat(2),
		Needs: []string{"image"},
		Check: onWhole(onPrograms(checkBootPath)),
		Fix:   `Put the boot program at \EFI\BOOT\BOOTAA64.EFI, for AArch32 at \EFI\BOOT\BOOTARM.EFI.`,
		Refs:  []string{"EBBR 2.8"},
	},
	{
		ID: "IMG-EFI-APP", Title: "The boot program is an EFI application",
		Asked:    "What boots is an EFI application, of the UEFI version that the text names.",
		Readings: everyText(by{4}),
		How: "Reads the PE headers of the programs at the removable media paths: machine, magic, subsystem, sections within " +
			"the file, and whether the clusters hold the file. A fault fails; the UEFI version cannot be seen. Skipped if " +
			"there is no program.",
		Subject: Image, Kind: Evidence, Clauses: imageFormat(2),
		Needs: []string{"image"},
		Check: onWhole(onPrograms(checkEFIApp)),
		Fix:   "Build the boot program as a PE image with subsystem 10 for the right machine.",
	},
}

// onPrograms turns a check of the ESP that boots, whose files can be read, into one of
// a disk.
func onPrograms(check func(i *image.Facts, e *image.ESP) Finding) func(*image.Facts, *image.Disk) Finding {
	return func(i *image.Facts, d *image.Disk) Finding {
		e := d.Boots(i.Partition, i.Arch)
		switch {
		case e == nil:
			return noESP(d)
		case e.Programs == nil:
			return noFiles(e)
		}
		return check(i, e)
	}
}

// checkBootPath looks for the boot program of the running architecture. An
// image that does not run needs one for any architecture.
func checkBootPath(i *image.Facts, e *image.ESP) Finding {
	var found, wrong, lacks []string
	for _, p := range e.Programs {
		switch {
		case p.Is == image.File:
			found = append(found, fmt.Sprintf("%s of %d bytes", p.Path, p.Size))
			wrong = append(wrong, noSecondStage(e, p)...)
		case p.Is == image.Directory:
			wrong = append(wrong, p.Path+" is a directory")
		case p.Arch == i.Arch || i.Arch == "":
			lacks = append(lacks, missing(p))
		}
	}
	if i.Arch == "" && len(found)+len(wrong) > 0 {
		lacks = nil
	}
	if len(lacks) > 0 && e.Tree.Unread != "" {
		return unknown(e.Tree.Unread, found...)
	}
	f := judgeRead(append(wrong, lacks...), "", found...)
	if len(lacks) > 0 && len(found) == 0 {
		f.suggest(e)
	}
	return f
}

// missing names the part of a path that is not there.
func missing(p image.Program) string {
	if p.Lacks == p.Path {
		return "there is no " + p.Path
	}
	return fmt.Sprintf("there is no %s: there is no %s", p.Path, p.Lacks)
}

// bootFolder is where removable media have their programs.
const bootFolder = `\EFI\BOOT\`

// otherArchs are the architectures of other boot programs: UEFI Specification 2.10,
// section 3.5.1.1.
var otherArchs = map[string]string{
	"BOOTX64.EFI": "x86-64", "BOOTIA32.EFI": "x86", "BOOTIA64.EFI": "Itanium", "BOOTRISCV64.EFI": "RISC-V",
	"BOOTRISCV32.EFI": "RISC-V", "BOOTLOONGARCH64.EFI": "LoongArch",
}

// suggest names the programs that are there, where firmware starts none by itself,
// and says what to do.
func (f *Finding) suggest(e *image.ESP) {
	for _, path := range e.Others {
		if name, beside := cutFolder(path); beside && otherArchs[name] != "" {
			f.Problem += fmt.Sprintf("; %s is there: an image for %s", path, otherArchs[name])
			f.Fix = "Use an image for AArch64: this one is for " + otherArchs[name] + "."
			return
		}
	}
	if len(e.Others) == 0 {
		return
	}
	f.Problem += "; no firmware looks by itself for the programs that are there: " + strings.Join(e.Others[:min(len(e.Others), 4)], ", ")
	f.Fix = `Put the boot program at \EFI\BOOT\BOOTAA64.EFI too, with what it loads beside it: grub-install --removable, or a copy of shimaa64.efi by that name and of grubaa64.efi.`
}

// cutFolder returns the name, in capitals, of a file that lies where removable
// media have their programs.
func cutFolder(path string) (name string, beside bool) {
	return strings.CutPrefix(strings.ToUpper(path), bootFolder)
}

// noSecondStage says that the program which shim would start is not there. Any
// program beside shim may be it, except MokManager and the boot programs.
func noSecondStage(e *image.ESP, p image.Program) []string {
	if p.Header == nil || !p.Header.Shim || e.More || !e.Tree.Sound() {
		return nil
	}
	second := slices.ContainsFunc(e.Others, func(path string) bool {
		name, beside := cutFolder(path)
		return beside && !strings.Contains(name, `\`) && !strings.HasPrefix(name, "MM") && !strings.HasPrefix(name, "MOKMANAGER") && !strings.HasPrefix(name, "BOOT")
	})
	if second {
		return nil
	}
	return []string{p.Path + " is shim, and no second stage is beside it, such as grubaa64.efi"}
}

// programs are the machine type and the magic number that a boot program must
// have, by architecture: UEFI Specification 2.10, section 2.1.1.
var programs = map[string]struct{ machine, magic uint16 }{
	"arm64": {image.MachineAArch64, image.PE32Plus},
	"arm":   {image.MachineARM, image.PE32},
}

func checkEFIApp(_ *image.Facts, e *image.ESP) Finding {
	var wrong, unread, found []string
	for _, p := range e.Programs {
		if p.Is != image.File {
			continue
		}
		for _, problem := range programProblems(p) {
			wrong = append(wrong, p.Path+": "+problem)
		}
		for _, text := range []string{p.Header.Unread, p.Chain.Unread} {
			if text != "" {
				unread = append(unread, p.Path+": "+text)
			}
		}
		found = append(found, fmt.Sprintf("%s machine %#04x subsystem %d", p.Path, p.Header.Machine, p.Header.Subsystem))
	}
	if len(found) == 0 {
		return noProgram(e)
	}
	return judgeRead(wrong, strings.Join(unread, "; "), found...)
}

func noProgram(e *image.ESP) Finding {
	if e.Tree.Unread != "" {
		return unknown(e.Tree.Unread)
	}
	return skip(ReasonNoProgram)
}

func programProblems(p image.Program) []string {
	h, want := p.Header, programs[p.Arch]
	wrong := slices.Concat(p.Chain.Wrong, h.Wrong)
	if !h.There {
		return wrong
	}
	if h.Machine != want.machine {
		return append(wrong, fmt.Sprintf("a program for machine %#04x, not %#04x", h.Machine, want.machine))
	}
	if h.Magic != want.magic {
		wrong = append(wrong, fmt.Sprintf("the optional header's magic is %#x, not %#x", h.Magic, want.magic))
	}
	if h.Subsystem != image.Application {
		wrong = append(wrong, fmt.Sprintf("subsystem %d; an EFI application has %d", h.Subsystem, image.Application))
	}
	return wrong
}
