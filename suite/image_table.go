package suite

import (
	"cmp"
	"fmt"
	"slices"

	"vmspec/probes/image"
)

// imageTable is how the disk is partitioned.
var imageTable = []Requirement{
	{
		ID: "IMG-GPT", Title: "The disk has a GUID partition table",
		Asked:    "The disk, as the VM sees it, is partitioned by a GUID partition table.",
		Readings: everyText(by{4}),
		How: "Reads the primary header, its entries and where the partitions lie. A wrong checksum or size, partitions that" +
			" overlap or leave the usable blocks, or a disk that was cut, fails. Skipped without a boot disk or image; a block that cannot be read is" +
			" an error.",
		Subject: Image, Kind: Evidence, Clauses: imageFormat(1),
		Needs: []string{"image"},
		Check: onDisk(checkGPT),
		Fix:   "Partition the disk with a GUID partition table.",
		Refs:  []string{"EBBR 2.8"},
	},
	{
		ID: "IMG-GPT-BACKUP", Title: "The backup partition table is whole too",
		Asked:    "A GUID partition table has a second copy, at the end of the disk.",
		Readings: everyText(by{4, 10}),
		How: "Compares the copy in the last block, or where the primary names one, with the primary. A copy that is missing, " +
			"damaged or different fails; on a disk that grew it may lie before the end. Skipped without a disk, or if it has no " +
			"table at all; a block that cannot be read is an error.",
		Subject: Image, Kind: Evidence, Clauses: imageFormat(1),
		Needs: []string{"image"},
		Check: onWhole(checkBackup),
		Fix:   "Write the backup header and entries at the end of the disk, with sgdisk by its command e.",
	},
	{
		ID: "IMG-MBR-PROTECTIVE", Title: "A protective MBR covers the disk",
		Asked:    "A GUID partition table comes with a master boot record that marks the whole disk as in use.",
		Readings: everyText(by{4, 10}),
		How: "Reads the first sector. One partition of type 0xEE, from LBA 1 to the end of the disk, passes; so does a hybrid " +
			"record, which has others beside it. Anything else fails. Skipped without a disk.",
		Subject: Image, Kind: Evidence, Clauses: imageFormat(1),
		Needs: []string{"image"},
		Check: onWhole(checkMBR),
		Fix:   "Write a protective MBR: one partition of type 0xEE from LBA 1 on.",
	},
}

func checkGPT(_ *image.Facts, d *image.Disk) Finding {
	var found []string
	switch {
	case d.Begins != "":
		found = []string{"the disk begins with " + d.Begins}
	case d.Whole():
		found = []string{fmt.Sprintf("%s in sectors of %d bytes", count(len(d.Partitions), "partition"), d.Sector)}
	}
	found = append(found, withoutGPT(d)...)
	if d.Odd > 0 {
		found = append(found, fmt.Sprintf("%d bytes are behind the last whole sector: some VMMs round such a size up, others down", d.Odd))
	}
	if d.Cut > 0 {
		f := fail(fmt.Sprintf("the disk has %d bytes, %d fewer than its table says: it was cut. U-Boot refuses such a table, EDK2 takes what is left", d.Size, d.Cut), found...)
		f.Fix = "Get the whole file again, and repair nothing in this one."
		return f
	}
	f := judgeRead(slices.Concat(d.Primary.Wrong, d.Layout.Wrong), cmp.Or(d.Primary.Unread, d.Layout.Unread), found...)
	switch {
	case len(d.Primary.Wrong) == 0:
	case d.Backup.Whole:
		f.Found = append(f.Found, fmt.Sprintf("the backup at LBA %d is whole", d.Backup.At))
		f.Fix = "Restore the primary copy from the backup, which is whole: " + restore(d)
	case d.TableSector != 0:
		f.Fix = otherSectors(d)
	case d.MBR.Kind == image.Ordinary && d.Begins != image.ISO:
		f.Fix = toGPT(d)
	case d.Begins == image.FAT:
		f.Fix = "Make a disk with a GPT and an ESP, and copy this file system into that."
	case d.Primary.There || d.Backup.There:
		f.Fix = "Neither copy of the table is whole. If the disk holds data, look for its partitions with testdisk; else partition it anew."
	}
	return f
}

// otherSectors says what to do with a table for sectors of another size.
func otherSectors(d *image.Disk) string {
	return fmt.Sprintf("Present the disk with sectors of %d bytes, for which its table is made, or make it anew for %d.", d.TableSector, d.Sector)
}

// toGPT says how to make a GPT of an MBR and keep its partitions.
func toGPT(d *image.Disk) string {
	return "Convert the MBR's table, where there is room for a GPT before and behind its partitions: " + sgdisk(d, "-g")
}

// restore is the command that writes the primary copy from the backup. If there is
// no MBR either, gdisk asks whether to use the GPT and both parts of its backup.
func restore(d *image.Disk) string {
	if d.MBR.Kind == image.NoMBR && d.Sector == 512 {
		return `printf '1\nr\nb\nc\ny\nw\ny\n' | gdisk FILE.`
	}
	return sgdisk(d, "-e")
}

// sgdisk is the command that changes a disk's table. On a file it takes sectors to
// have 512 bytes.
func sgdisk(d *image.Disk, change string) string {
	if d.Sector != 512 {
		return fmt.Sprintf("sgdisk %s, on the disk as losetup --sector-size %d attaches it.", change, d.Sector)
	}
	return "sgdisk " + change + " FILE."
}

// withoutGPT lists what UEFI finds to start on a disk without a GPT.
func withoutGPT(d *image.Disk) (found []string) {
	for _, e := range d.Bare {
		where := "the disk, which is one file system: EDK2 starts it, U-Boot 2023.01 looks for partitions alone"
		if e.Number > 0 {
			where = fmt.Sprintf("partition %d, of type 0xEF, of the MBR", e.Number)
		}
		for _, p := range e.Programs {
			if p.Is == image.File {
				found = append(found, p.Path+" is in "+where)
			}
		}
	}
	return found
}

func checkBackup(_ *image.Facts, d *image.Disk) Finding {
	if !d.Primary.There && !d.Backup.There && d.Primary.Unread == "" && d.Backup.Unread == "" {
		return skip(ReasonNoTable)
	}
	found := []string{fmt.Sprintf("at LBA %d", d.Backup.At)}
	if d.Grown > 0 {
		found = append(found, fmt.Sprintf("the disk grew by %d bytes since, and the backup is where the primary says", d.Grown))
	}
	f := judgeRead(d.Backup.Wrong, d.Backup.Unread, found...)
	if d.Primary.Whole {
		f.Fix = "Write the backup at the end of the disk from the primary copy: " + sgdisk(d, "-e")
	}
	return f
}

func checkMBR(_ *image.Facts, d *image.Disk) Finding {
	var found []string
	if d.MBR.Kind != image.NoMBR {
		found = append(d.MBR.Notes, fmt.Sprintf("%s MBR", d.MBR.Kind))
	}
	f := judgeRead(d.MBR.Wrong, d.MBR.Unread, found...)
	switch {
	case d.TableSector != 0:
		f.Fix = otherSectors(d)
	case d.MBR.Kind == image.Ordinary && !d.Whole() && d.Begins != image.ISO:
		f.Fix = toGPT(d)
	}
	return f
}
