package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/image/imagetest"
	"vmspec/results"
)

// An otherImage is a disk image as others' tools make it, by a shell script in a
// folder that has app.efi, and what becomes of it: what image check finds, and
// which firmware starts it.
type otherImage struct {
	name         string
	tools        string // that make it; one with a / is a file
	script       string // leaves disk.img
	want         map[string]results.Verdict
	says         string // in the findings, where the firmwares differ
	aavmf, uBoot bool   // start it
}

// Parts of the scripts. fat NAME MIB OPTIONS makes a FAT file system of the ESP's
// files, and put NAME MIB puts it onto the disk. Zeros are not written: they are there.
const otherTools = `set -e
export PATH="$PATH:/usr/sbin:/sbin" MTOOLS_SKIP_CHECK=1
fill() { mmd -i "$1" ::EFI ::EFI/BOOT; mcopy -i "$1" app.efi ::EFI/BOOT/BOOTAA64.EFI; }
fat() { name=$1 size=$2; shift 2; truncate -s "${size}M" "$name"; mkfs.fat "$@" "$name" >/dev/null; fill "$name"; }
put() { dd if="$1" of=disk.img bs=1M seek="$2" conv=notrunc,sparse status=none; }
gpt() { truncate -s 100M disk.img; sgdisk -n 1:2048:+80M -t 1:ef00 "$@" disk.img >/dev/null; fat esp 80 -F 32 -s 1; put esp 1; }
`

var (
	met     = map[string]results.Verdict{}
	noGPT   = map[string]results.Verdict{"IMG-GPT": results.Fail, "IMG-MBR-PROTECTIVE": results.Fail}
	failing = func(id string) map[string]results.Verdict { return map[string]results.Verdict{id: results.Fail} }
)

var otherImages = []otherImage{
	{name: "sgdisk", tools: "sgdisk", script: "gpt", want: met, aavmf: true, uBoot: true},
	{name: "sgdisk, many partitions before the ESP", tools: "sgdisk", script: `truncate -s 140M disk.img
sgdisk -n 1:0:+16M -n 2:0:+16M -n 3:0:+16M -n 4:0:+80M -t 4:ef00 disk.img >/dev/null
fat esp 80 -F 32 -s 1; put esp 49`, want: met, aavmf: true, uBoot: true},
	{name: "sgdisk, from LBA 34", tools: "sgdisk", script: `truncate -s 100M disk.img; sgdisk -a 1 -n 1:34:+80M -t 1:ef00 disk.img >/dev/null
fat esp 80 -F 32 -s 1; dd if=esp of=disk.img bs=17408 seek=1 conv=notrunc,sparse status=none`, want: met, aavmf: true, uBoot: true},
	{name: "sgdisk, a hybrid MBR", tools: "sgdisk", script: "gpt; sgdisk -h 1 disk.img >/dev/null", want: met, aavmf: true, uBoot: true},
	{name: "sgdisk, the attribute that hides", tools: "sgdisk", script: "gpt -A 1:set:1", want: failing("IMG-ESP-TYPE"), says: "EDK2 does not start from it", uBoot: true},
	{name: "sgdisk, other attributes", tools: "sgdisk", script: "gpt -A 1:set:0 -A 1:set:2", want: met, aavmf: true, uBoot: true},
	{name: "sgdisk, the wrong type", tools: "sgdisk", script: "gpt -t 1:0700", want: failing("IMG-ESP-TYPE"), aavmf: true, uBoot: true},
	{name: "sgdisk, grown since", tools: "sgdisk", script: "gpt; truncate -s +64M disk.img", want: met, aavmf: true, uBoot: true},
	{name: "sgdisk, 100 bytes more", tools: "sgdisk", script: "gpt; truncate -s +100 disk.img", want: met, aavmf: true, uBoot: true},
	{name: "sgdisk, cut", tools: "sgdisk", script: "gpt; truncate -s -1M disk.img", want: failing("IMG-GPT"), says: "1048576 fewer than its table says: it was cut. U-Boot refuses such a table", aavmf: true},
	{name: "sgdisk, the primary copy gone", tools: "sgdisk", script: "gpt; dd if=/dev/zero of=disk.img seek=1 count=33 conv=notrunc status=none", want: failing("IMG-GPT"), aavmf: true, uBoot: true},
	{name: "sgdisk, the backup gone", tools: "sgdisk", script: "gpt; truncate -s -17K disk.img; truncate -s +17K disk.img", want: failing("IMG-GPT-BACKUP"), aavmf: true, uBoot: true},
	{name: "mkfs.fat, sectors of 4096", tools: "sgdisk mkfs.fat", script: `truncate -s 400M disk.img; sgdisk -n 1:2048:+300M -t 1:ef00 disk.img >/dev/null
fat esp 300 -F 32 -S 4096 -s 1; put esp 1`, want: failing("IMG-ESP-FAT32"), says: "U-Boot refuses it", aavmf: true},
	{name: "mkfs.fat, FAT16", tools: "sgdisk mkfs.fat", script: `truncate -s 100M disk.img; sgdisk -n 1:2048:+80M -t 1:ef00 disk.img >/dev/null
fat esp 80 -F 16; put esp 1`, want: failing("IMG-ESP-FAT32"), aavmf: true, uBoot: true},
	{name: "mkfs.fat, large clusters", tools: "sgdisk mkfs.fat", script: `truncate -s 700M disk.img; sgdisk -n 1:2048:+600M -t 1:ef00 disk.img >/dev/null
fat esp 600 -F 32 -s 8; put esp 1`, want: met, aavmf: true, uBoot: true},
	{name: "mkfs.fat, no table", tools: "mkfs.fat", script: "fat disk.img 80 -F 32 -s 1", want: noGPT, says: "U-Boot 2023.01 looks for partitions alone", aavmf: true},
	{name: "mformat", tools: "sgdisk mformat", script: `truncate -s 100M disk.img; sgdisk -n 1:2048:+80M -t 1:ef00 disk.img >/dev/null
mformat -i disk.img@@1M -T 163840 -h 16 -s 63 -F -c 1 ::; fill disk.img@@1M`, want: met, aavmf: true, uBoot: true},
	{name: "parted", tools: "parted", script: `truncate -s 100M disk.img
parted -s disk.img mklabel gpt mkpart ESP fat32 1MiB 81MiB set 1 esp on; fat esp 80 -F 32 -s 1; put esp 1`, want: met, aavmf: true, uBoot: true},
	{name: "parted, an MBR", tools: "parted", script: `truncate -s 100M disk.img
parted -s disk.img mklabel msdos mkpart primary fat32 1MiB 81MiB set 1 esp on; fat esp 80 -F 32 -s 1; put esp 1`, want: noGPT, aavmf: true, uBoot: true},
	{name: "sfdisk", tools: "sfdisk", script: `truncate -s 100M disk.img; printf 'label: gpt\nstart=2048,size=80MiB,type=U\n' | sfdisk -q disk.img
fat esp 80 -F 32 -s 1; put esp 1`, want: met, aavmf: true, uBoot: true},
	{name: "sfdisk, an MBR", tools: "sfdisk", script: `truncate -s 100M disk.img; printf 'label: dos\nstart=2048,size=80MiB,type=ef\n' | sfdisk -q disk.img
fat esp 80 -F 32 -s 1; put esp 1`, want: noGPT, aavmf: true, uBoot: true},
	{name: "sfdisk, a short table", tools: "sfdisk", script: `truncate -s 100M disk.img; printf 'label: gpt\ntable-length: 4\nfirst-lba: 34\nstart=2048,size=80MiB,type=U\n' | sfdisk -q disk.img
fat esp 80 -F 32 -s 1; put esp 1`, want: met, aavmf: true, uBoot: true},
	// mkosi itself wants root, a kernel with vfat, and half a distribution.
	{name: "sfdisk and mkfs.fat, called as mkosi 14 does", tools: "sfdisk", script: `truncate -s 160M disk.img
sfdisk -q disk.img <<END
label: gpt
grain: 4096
first-lba: 40
size=163840, type=c12a7328-f81f-11d2-ba4b-00a0c93ec93b, attrs=, name="EFI System Partition"
size=131072, type=b921b045-1df0-41c3-af44-4c6f280d3fae, attrs=GUID:59, name="Root Partition"
END
fat esp 80 -nEFI -F32 -h 40; dd if=esp of=disk.img bs=20480 seek=1 conv=notrunc,sparse status=none`, want: met, aavmf: true, uBoot: true},
	{name: "genimage", tools: "genimage", script: genimage("gpt", `partition-type-uuid = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"`), want: met, aavmf: true, uBoot: true},
	{name: "genimage, an MBR", tools: "genimage", script: genimage("mbr", "partition-type = 0xef"), want: noGPT, aavmf: true, uBoot: true},
	{name: "xorriso, a GPT", tools: "xorriso", script: `mkdir tree; echo x >tree/x; fat esp 80 -F 32 -s 1
xorriso -as mkisofs -quiet -o disk.img -append_partition 2 C12A7328-F81F-11D2-BA4B-00A0C93EC93B esp -appended_part_as_gpt -partition_offset 16 \
	-e --interval:appended_partition_2:all:: -no-emul-boot tree 2>/dev/null`, want: met, aavmf: true, uBoot: true},
	{name: "xorriso, an MBR", tools: "xorriso", script: `mkdir tree; echo x >tree/x; fat esp 80 -F 32 -s 1
xorriso -as mkisofs -quiet -o disk.img -append_partition 2 0xef esp -partition_offset 16 -e --interval:appended_partition_2:all:: -no-emul-boot tree 2>/dev/null`,
		want: noGPT, aavmf: true, uBoot: true},
	// GRUB_ARM64 is another folder for Debian's grub-efi-arm64-bin.
	{name: "grub-mkrescue", tools: "grub-mkrescue xorriso mformat", script: `from=${GRUB_ARM64:-/usr/lib/grub/arm64-efi}
test -e "$from" || { echo "no $from"; exit 77; }
mkdir -p tree/boot/grub; printf 'echo "` + started + `"\nsleep 9\nhalt\n' >tree/boot/grub/grub.cfg
grub-mkrescue -d "$from" -o disk.img tree >/dev/null 2>&1`, want: failing("IMG-ESP-FAT32"), says: "makes it FAT12", aavmf: true, uBoot: true},
	// Since 254 it makes file systems of larger sectors, unless it is told.
	{name: "systemd-repart before 254", tools: "systemd-repart", script: `! systemd-repart --help | grep -q sector-size || exit 77
mkdir defs; printf '[Partition]\nType=esp\nFormat=vfat\nSizeMinBytes=300M\n' >defs/10.conf
systemd-repart --empty=create --size=400M --definitions=defs --dry-run=no disk.img >/dev/null 2>said || { cat said; exit 77; } # wants a loop device
fill disk.img@@1M`, want: met, aavmf: true, uBoot: true},
	{name: "systemd-repart", tools: "systemd-repart", script: repart(""), want: failing("IMG-ESP-FAT32"), says: "U-Boot refuses it", aavmf: true},
	{name: "systemd-repart, told the sectors", tools: "systemd-repart", script: repart("--sector-size=512"), want: met, aavmf: true, uBoot: true},
}

// repart makes a disk without a loop device, as newer versions can.
func repart(option string) string {
	return `systemd-repart --help | grep -q sector-size || exit 77
mkdir -p defs tree/EFI/BOOT; cp app.efi tree/EFI/BOOT/BOOTAA64.EFI
printf '[Partition]\nType=esp\nFormat=vfat\nCopyFiles=%s/tree:/\nSizeMinBytes=300M\n' "$PWD" >defs/10.conf
systemd-repart ` + option + ` --offline=yes --empty=create --size=400M --definitions=defs --dry-run=no disk.img >/dev/null 2>&1`
}

// genimage makes a disk with a table of a kind, and an ESP that is marked so.
func genimage(table, mark string) string {
	return `mkdir root tmp; fat esp.vfat 80 -F 32 -s 1
cat >conf <<END
image disk.img {
	hdimage {
		partition-table-type = "` + table + `"
	}
	partition esp {
		image = "esp.vfat"
		` + mark + `
	}
}
END
genimage --config conf --rootpath root --tmppath tmp --inputpath . --outputpath . >/dev/null`
}

// ofTests are the tools that make test installs.
var ofTests = []string{"sgdisk", "mkfs.fat", "mcopy", "mformat"}

// mustHave tells whether a test may not be skipped for want of a tool. make
// image-boots installs all but systemd-repart, which comes with the system.
func mustHave(tool string) bool {
	if os.Getenv("VMSPEC_IMAGES") != "" {
		return tool != "systemd-repart"
	}
	return os.Getenv("VMSPEC_BOOT") != "" && slices.Contains(ofTests, tool)
}

// make makes the image, or skips a test for want of a tool.
func (o otherImage) make(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for tool := range strings.FieldsSeq(o.tools + " mkfs.fat mcopy") {
		_, err := os.Stat(tool)
		if !strings.Contains(tool, "/") {
			if _, err = exec.LookPath(tool); err != nil {
				_, err = exec.LookPath("/usr/sbin/" + tool)
			}
		}
		if err != nil && !mustHave(tool) {
			t.Skip("make image-boots installs it: ", err)
		}
		require.NoError(t, err)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "app.efi"), imagetest.App(started), 0o644))
	cmd := exec.Command("sh", "-c", otherTools+o.script)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() == lacking {
		t.Skip("another version of the tool makes this image: ", string(out))
	}
	require.NoError(t, err, string(out))
	return filepath.Join(dir, "disk.img")
}

// lacking is the exit status of a script whose tool is of another version, or for
// another machine only: GRUB's files for arm64 are no package of amd64's.
const lacking = 77

// TestOtherImages judges images of others' tools.
func TestOtherImages(t *testing.T) {
	for _, o := range otherImages {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			o.judge(t, o.make(t))
		})
	}
}

func (o otherImage) judge(t *testing.T, disk string) {
	t.Helper()
	_, stdout, stderr := vmspec(t, "image", "check", disk)
	require.NotEmpty(t, stdout, stderr)
	report := parse(t, stdout)
	require.Equal(t, o.want, unmet(report), stdout)
	var said strings.Builder
	for _, p := range report.Points {
		said.WriteString(p.Problem + p.Found + "\n")
	}
	require.Contains(t, said.String(), o.says)
}

// TestImageBootsOfOthers starts them by AAVMF and by U-Boot. Which one starts an
// image is what its finding says, or both do.
func TestImageBootsOfOthers(t *testing.T) {
	for _, o := range otherImages {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			needImageBoots(t)
			disk := o.make(t)
			o.judge(t, disk)
			for to, want := range map[string]bool{"qemu-image": o.aavmf, "qemu-uboot": o.uBoot} {
				got, said := starts(t, to, disk)
				require.Equal(t, want, got, "%s: %s", to, said)
			}
		})
	}
}

// started is what the program in those images says.
const started = "vmspec: the image was started"

// starts tells whether a target's firmware starts the program in an image, and
// what image boot says of it.
func starts(t *testing.T, to, disk string) (bool, string) {
	t.Helper()
	firmware := map[string]string{"qemu-image": "aavmf", "qemu-uboot": "u-boot"}[to]
	status, stdout, stderr := vmspec(t, "image", "boot", "--expect", started, "--firmware", firmware, disk)
	require.NotEqual(t, unusable, status, stderr)
	require.Equal(t, status == results.Conformant, strings.Contains(stdout, "IMG-REMOVABLE pass"), stdout)
	return status == results.Conformant, stdout
}
