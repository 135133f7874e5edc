package suite

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"vmspec/probes"
	"vmspec/probes/efi"
	"vmspec/probes/image"
)

// images are the chapter "Image format", and what the chapter "Virtual
// Firmware" asks of an image. They are skipped in a guest that was booted
// without a disk.
var images = slices.Concat(imageTable, imageProgram, imageContent)

// imageContent is what the partitions hold beside the boot program.
var imageContent = []Requirement{
	{
		ID: "IMG-ESP-TYPE", Title: "The ESP carries its partition type GUID",
		Asked:    "The EFI System Partition is marked by its own partition type GUID.",
		Readings: everyText(by{4}),
		How: "Passes if an entry of the partition table has that type, and no attribute by which firmware ignores it; else it " +
			"fails and lists the types that are there. Skipped without a disk or a whole table; a table that cannot be read is an error.",
		Subject: Image, Kind: Evidence, Clauses: imageFormat(3),
		Needs: []string{"image"},
		Check: onWhole(checkESPType),
		Fix:   "Give the ESP the partition type GUID C12A7328-F81F-11D2-BA4B-00A0C93EC93B.",
	},
	{
		ID: "IMG-ESP-FAT32", Title: "The ESP is formatted as FAT32",
		Asked:    "The file system of the EFI System Partition is FAT32.",
		Readings: everyText(by{4}),
		How: "Reads the boot sector and the directories of the ESP that boots. Fewer than 65525 clusters, sectors of another " +
			"size than the disk's, another file system or a damaged one fails. Skipped without a disk or an ESP; a boot sector that cannot be read is an error.",
		Subject: Image, Kind: Evidence, Clauses: imageFormat(3),
		Needs: []string{"image"},
		Check: onWhole(checkFAT32),
		Fix:   "Format the ESP as FAT32, with at least 65525 clusters.",
	},
	{
		ID: "IMG-NO-VARIABLES", Title: "The image holds no UEFI variable store",
		Asked:    "UEFI variables belong to one VM, so a portable disk image does not hold them.",
		Readings: everyText(by{3, 4}),
		How: "Looks for variable stores of EDK2 and U-Boot at the beginnings of partitions, gaps and up to 256 files of each " +
			"ESP. One fails, unless the running firmware may have made it: that is left to the host, which looks before the " +
			"boot. Skipped without a readable ESP.",
		Subject: Image, Kind: Evidence, Clauses: everywhere(Clause{Must, "Virtual Firmware", 6}),
		Needs: []string{"image"},
		Check: checkNoVariables,
		Fix:   "Keep the variable store with the VM: remove files such as NvVars and ubootefi.var from the ESP.",
	},
	{
		ID: "IMG-REMOVABLE", Title: "The image boots without a configured UEFI",
		Asked:    "The image boots as UEFI boots removable media, and needs no variable that was set before.",
		Readings: everyText(by{4}),
		How: "Passes if the firmware found the program by itself: the booted option names no file. Fails if the option names a" +
			" file and the removable media path has none. What the boot did not show is skipped, and so is an image that did " +
			"not boot.",
		Subject: Image, Kind: Functional, Clauses: everywhere(Clause{Must, "Virtual Firmware", 7}),
		Needs: []string{"efi", "image"},
		Check: checkRemovable,
		Fix:   "Let the image boot by the removable media path alone, with an empty variable store.",
	},
	{
		ID: "IMG-NO-FIRMWARE", Title: "The image carries no UEFI firmware",
		Asked:    "UEFI firmware comes with the hypervisor and not inside the image.",
		Readings: everyText(by{4}),
		How: "Looks for UEFI firmware volumes at the beginnings of partitions, gaps and up to 256 files of each ESP. One " +
			"fails; firmware of another form, or in other file systems, is not seen. Skipped without a readable ESP.",
		Subject: Image, Kind: Evidence, Clauses: everywhere(Clause{Should, "Virtual Firmware", 8}),
		Needs: []string{"image"},
		Check: onWhole(checkNoFirmware),
		Fix:   "Leave the firmware to the hypervisor: remove firmware volumes from the image.",
	},
}

// imageFormat is sentence n of the chapter. Version 2.0 has one more sentence
// before it.
func imageFormat(n int) Clauses {
	return Clauses{
		RFCv2: Clause{Must, "Image format", n},
		V10:   Clause{Must, "Image format", n},
		V20:   Clause{Must, "VM Image Format", n + 1},
	}
}

// onDisk turns a check of a disk into a check of the guest: it looks at the
// disk from which the guest was booted. A disk that is only guessed may be
// another's.
func onDisk(check func(i *image.Facts, d *image.Disk) Finding) func(*probes.Facts) Finding {
	return func(f *probes.Facts) Finding {
		switch {
		case f.Image.Err != "":
			return unreadable(f.Image.Err)
		case f.Image.Disk == nil:
			return skip(ReasonNoImage)
		case f.Image.By == image.ByOnlyESP:
			return Finding{Verdict: Skip, Problem: ReasonGuessed, Found: []string{f.Image.Name + " is the only disk with an ESP, but nothing says that the guest was booted from it"}}
		}
		return check(f.Image, f.Image.Disk)
	}
}

// onWhole is onDisk, and skips what would fail on a disk that was cut: IMG-GPT has
// that finding.
func onWhole(check func(i *image.Facts, d *image.Disk) Finding) func(*probes.Facts) Finding {
	return onDisk(func(i *image.Facts, d *image.Disk) Finding {
		f := check(i, d)
		if f.Verdict == Fail && d.Cut > 0 {
			return Finding{Verdict: Skip, Problem: ReasonCut, Found: f.Found}
		}
		return f
	})
}

func checkESPType(i *image.Facts, d *image.Disk) Finding {
	var found, others []string
	for _, e := range d.ESPs {
		found = append(found, fmt.Sprintf("partition %d, LBA %d to %d", e.Number, e.First, e.Last))
	}
	for _, p := range d.Partitions {
		if others = append(others, fmt.Sprintf("partition %d is of type %s", p.Number, p.Type)); p.Begins != "" {
			others[len(others)-1] += " and begins with " + p.Begins
		}
	}
	switch {
	case !d.Whole():
		return noESP(d)
	case len(d.ESPs) == 0:
		return fail("no partition is of type "+image.ESPType, others[:min(len(others), 4)]...)
	}
	if e := d.Boots(i.Partition, i.Arch); e.Attributes&image.Ignored != 0 {
		f := fail(fmt.Sprintf("partition %d has the attribute bit 1, by which EFI firmware ignores it: EDK2 does not start from it", e.Number), found...)
		f.Fix = "Clear the attribute: " + sgdisk(d, fmt.Sprintf("-A %d:clear:1", e.Number))
		return f
	}
	return pass(found...)
}

// noESP is the finding of a check that needs an ESP, in a disk without one.
func noESP(d *image.Disk) Finding {
	switch unread := cmp.Or(d.Primary.Unread, d.Backup.Unread); {
	case d.Whole():
		return skip(ReasonNoESP)
	case unread != "":
		return unknown(unread)
	}
	return skip(ReasonNoTable)
}

func checkFAT32(i *image.Facts, d *image.Disk) Finding {
	e := d.Boots(i.Partition, i.Arch)
	if e == nil {
		return noESP(d)
	}
	wrong, found := slices.Concat(e.FS.Wrong, e.Tree.Wrong), []string(nil)
	if e.FS.Holds != "" {
		found = append(found, fmt.Sprintf("partition %d begins with %s", e.Number, e.FS.Holds))
	}
	if e.FS.Kind != "" {
		found = append(found, fmt.Sprintf("%s of %d clusters in partition %d", e.FS.Kind, e.FS.Clusters, e.Number))
		if e.FS.Kind != "FAT32" {
			wrong = append(wrong, fmt.Sprintf("its number of clusters makes it %s; FAT32 has at least %d", e.FS.Kind, image.LeastFAT32))
		}
	}
	fix := ""
	if e.FS.Sector != 0 && e.FS.Sector != d.Sector {
		wrong = append(wrong, fmt.Sprintf("its sectors have %d bytes, the disk's %d: U-Boot refuses it (FAT sector size mismatch), EDK2 does not", e.FS.Sector, d.Sector))
		fix = fmt.Sprintf("Format the ESP with sectors of %[1]d bytes: mkfs.fat -F 32 -S %[1]d, or systemd-repart --sector-size=%[1]d.", d.Sector)
	}
	f := judgeRead(wrong, e.FS.Unread, found...)
	if len(wrong) == 1 {
		f.Fix = fix
	}
	return f
}

// noFiles is the finding of a check that needs files, in an ESP whose file
// system cannot be read.
func noFiles(e *image.ESP) Finding {
	if e.FS.Unread != "" {
		return unknown(e.FS.Unread)
	}
	return skip(ReasonNoFAT)
}

// checkNoVariables skips a store that the running firmware may have created in
// this boot. Only the host knows what the image held before.
func checkNoVariables(f *probes.Facts) Finding {
	return onWhole(func(i *image.Facts, d *image.Disk) Finding {
		ofRunning := func(h image.Finding) bool { return i.Name != "" && mayRun(f.EFI, h.Store) }
		finding := judgeHeld(d, func(h image.Finding) bool { return h.Store != "" && !ofRunning(h) })
		if kept := held(d, ofRunning); len(kept) > 0 && finding.Verdict != Fail && finding.Verdict != Error {
			return Finding{Verdict: Skip, Problem: ReasonHost, Found: kept}
		}
		return finding
	})(f)
}

// mayRun reports whether the running firmware may be the one that uses a store.
func mayRun(running *efi.Facts, store string) bool {
	switch {
	case store == "":
		return false
	case running == nil || running.Vendor == "":
		return true
	}
	return strings.Contains(running.Vendor, image.UBoot) == (store == image.UBoot)
}

func checkNoFirmware(_ *image.Facts, d *image.Disk) Finding {
	return judgeHeld(d, func(h image.Finding) bool { return h.Store == "" })
}

// held lists what a disk holds of a kind, and where.
func held(d *image.Disk, is func(image.Finding) bool) (texts []string) {
	for _, found := range d.Held() {
		if is(found) {
			texts = append(texts, fmt.Sprintf("%s in %s", found.What, found.Where))
		}
	}
	return texts
}

// judgeHeld fails an image that holds firmware or variables of a kind. It cannot
// tell if a part of the image was not seen.
func judgeHeld(d *image.Disk, is func(image.Finding) bool) Finding {
	if wrong := held(d, is); len(wrong) > 0 {
		return fail(strings.Join(wrong, "; "))
	}
	if len(d.ESPs) == 0 {
		return noESP(d)
	}
	files, more := 0, ""
	for _, e := range d.ESPs {
		switch unread := cmp.Or(e.FS.Unread, e.Tree.Unread, d.RawErr); {
		case unread != "":
			return unknown(unread)
		case e.Programs == nil && len(d.ESPs) == 1:
			return skip(ReasonNoFAT)
		case len(e.Tree.Wrong) > 0:
			return skip(ReasonDamaged)
		case e.More:
			more = " (there are more)"
		}
		files += e.Files
	}
	return pass(fmt.Sprintf("nothing found in %s%s, in partitions or between them", count(files, "file"), more))
}

// checkRemovable passes if the firmware found the boot program by itself: the
// booted option names the disk and no file. It skips what the boot did not
// show.
func checkRemovable(f *probes.Facts) Finding {
	return onDisk(func(i *image.Facts, d *image.Disk) Finding {
		if i.Arch == "" {
			return skip(ReasonBoot)
		}
		file, path := "", image.RemovablePath(i.Arch)
		option := bootedOption(f.EFI)
		if option != nil {
			file = option.File()
		}
		e := d.Boots(i.Partition, i.Arch)
		byItself := file == "" && (i.Loader == "" && option != nil || strings.EqualFold(plainPath(i.Loader), path))
		switch {
		case byItself:
			return pass("the firmware itself found " + path)
		case file != "" && e != nil && e.Programs != nil && e.Tree.Sound() && e.Program(i.Arch).Is == image.Nothing:
			return fail(fmt.Sprintf("it was booted by Boot%04X from %s, and has no %s", option.Number, file, path))
		}
		return skip(ReasonBoot)
	})(f)
}

// plainPath returns a path in UEFI's form. U-Boot writes
// /efi\boot\bootaa64.efi or /\EFI\BOOT\BOOTAA64.EFI.
func plainPath(path string) string {
	names := strings.FieldsFunc(path, func(c rune) bool { return c == '/' || c == '\\' })
	return `\` + strings.Join(names, `\`)
}

// bootedOption returns the load option that was booted, or nil if it is unknown.
func bootedOption(f *efi.Facts) *efi.LoadOption {
	for n := range f.Boot {
		if f.BootCurrent != nil && f.Boot[n].Number == *f.BootCurrent {
			return &f.Boot[n]
		}
	}
	return nil
}
