package main

import (
	"bytes"
	"crypto/sha256"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/results"
	"vmspec/suite"
)

// imageFile is where make image leaves the disk image.
var imageFile = filepath.Join("..", "..", "build", "vmspec.img")

// guestDir32 is where make guest ARCH=arm leaves what boots.
var guestDir32 = filepath.Join("..", "..", "build", "arm")

// TestBoot32 boots the suite of AArch32 without a disk.
func TestBoot32(t *testing.T) {
	for to, like := range map[string]string{"qemu-virt32": "qemu-virt", "qemu-virt32-uefi": "qemu-virt-uefi"} {
		t.Run(to, func(t *testing.T) {
			t.Parallel()
			needTarget(t, to)
			needImageBoots(t)
			_, stdout, stderr := vmspec(t, "run", to, "--guest", guestDir32)
			report := parse(t, stdout)
			require.Equal(t, on32Bits(fails[like]), unmet(report), stdout+stderr)
			require.Len(t, report.Points, asked())
		})
	}
}

// imageFails are the requirements that each target with a disk image does not
// meet.
var imageFails = map[string]map[string]results.Verdict{
	"qemu-image":      fails["qemu-virt-uefi"],
	"qemu-image-acpi": fails["qemu-virt-acpi"],
	"qemu-uboot":      uBootFails,
	"qemu-image32":    on32Bits(fails["qemu-virt-uefi"]),
	"qemu-uboot32":    on32Bits(uBootFails),
}

// uBootFails are what its UEFI does not meet: it has no clock, an older one no
// SMBIOS 3 and, once an OS runs, no variables to set.
var uBootFails = map[string]results.Verdict{
	"FW-VAR-RUNTIME": results.Fail, "FW-RTC": results.Fail, "FW-SMBIOS": results.Fail, "FW-VAR-WRITE": results.Fail,
	"PLAT-SMCCC": results.Fail,
}

// on32Bits is what of these fails in AArch32: Debian's kernel for it has no
// hotplug to see.
func on32Bits(fails map[string]results.Verdict) map[string]results.Verdict {
	out := maps.Clone(fails)
	out["PLAT-HOTPLUG-BUS"] = results.Error
	return out
}

// bootImage boots the suite's image, which must give a whole report and be left
// alone. The image is as it should be, where its disk is one that the guest's
// kernel has a driver for.
func bootImage(t *testing.T, to, image string, more ...string) *results.Report {
	t.Helper()
	want := maps.Clone(imageFails[to])
	if !carried(more) {
		for _, id := range imageIDs() {
			want[id] = results.Error
		}
	}
	return bootImageWants(t, want, to, image, more...)
}

func bootImageWants(t *testing.T, want map[string]results.Verdict, to, image string, more ...string) *results.Report {
	t.Helper()
	if hasSMBIOS3(t, to) {
		want = maps.Clone(want)
		delete(want, "FW-SMBIOS")
	}
	before := digest(t, image)
	_, stdout, stderr := vmspec(t, append([]string{"run", to, "--image", image}, more...)...)
	require.NotEmpty(t, stdout, stderr)
	report := parse(t, stdout)
	require.Len(t, report.Points, asked())
	require.Equal(t, want, unmet(report), stdout+stderr)
	for _, id := range imageIDs() {
		p := point(report, id)
		// An older U-Boot does not say what it booted, and GRUB does not tell by what:
		// the disk is only guessed, and the host's word counts.
		guess := to == "qemu-uboot32" && (p.Reason == suite.ReasonGuessed || id == "IMG-REMOVABLE" && p.Verdict == results.Skip)
		// U-Boot keeps its variables in what it boots, a newer one at each boot.
		left := id == "IMG-NO-VARIABLES" && p.Reason == suite.ReasonHost && strings.HasPrefix(to, "qemu-uboot")
		require.Equal(t, guess || left, p.Verdict == results.Skip, id)
		byHost := left || (guess || p.Verdict == results.Error) && id != "IMG-REMOVABLE"
		require.Equal(t, byHost, strings.Contains(stdout, "seen by the host: "+id), id)
	}
	if want["IMG-GPT"] == results.Error {
		require.Contains(t, problem(report, "IMG-GPT"), "booted from a disk that this kernel shows no driver for")
	}
	require.Equal(t, "functional", point(report, "IMG-REMOVABLE").Kind)
	require.Equal(t, before, digest(t, image), "the run changed the image")
	return report
}

// hasSMBIOS3 tells whether a target's U-Boot makes tables of SMBIOS 3, by the
// anchor of their entry point: older ones do not.
func hasSMBIOS3(t *testing.T, to string) bool {
	t.Helper()
	tt, err := target.Find(to)
	require.NoError(t, err)
	if !tt.UBoot {
		return false
	}
	found, err := tt.Firmware().Find("")
	require.NoError(t, err)
	code, err := os.ReadFile(found.Code)
	require.NoError(t, err)
	return bytes.Contains(code, []byte("_SM3_"))
}

// carried tells whether the guest's kernel carries a driver for the disk that
// is attached.
func carried(args []string) bool {
	at := slices.Index(args, "--disk")
	return at < 0 || strings.HasPrefix(args[at+1], "virtio-blk")
}

// imageIDs are the requirements of an image.
func imageIDs() (ids []string) {
	for _, r := range suite.Catalogue() {
		if strings.HasPrefix(r.ID, "IMG-") {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

func digest(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	require.NoError(t, err)
	return string(h.Sum(nil))
}

func TestBootImage(t *testing.T) {
	for _, to := range []string{"qemu-image", "qemu-image-acpi", "qemu-uboot", "qemu-uboot32"} {
		t.Run(to, func(t *testing.T) {
			t.Parallel()
			needTarget(t, to)
			needBoot(t)
			report := bootImage(t, to, imageFile)
			require.Equal(t, !strings.HasPrefix(to, "qemu-uboot"), report.Nonce != "-", "the nonce goes by SMBIOS")
		})
	}
}

func TestImageBuildIsReproducible(t *testing.T) {
	canBoot(t)
	dir := t.TempDir()
	for _, sectors := range []string{"512", "4096"} {
		one, two := filepath.Join(dir, "one"), filepath.Join(dir, "two")
		for _, name := range []string{one, two} {
			buildImage(t, "-o", name, "--sector-size", sectors)
		}
		require.Equal(t, digest(t, one), digest(t, two), "sectors of %s bytes", sectors)
	}
}

// Offline the image and both kernels in it have all that is asked of a guest OS.
func TestImageHoldsAGuestOS(t *testing.T) {
	canBoot(t)
	for arch, release := range map[string]string{"any": "-arm64", "arm64": "-arm64", "arm": "-armmp-lpae"} {
		for _, profile := range []string{"rfc-v2", "v2.0"} {
			status, stdout, stderr := vmspec(t, "image", "check", "--guest-os="+arch, "--profile", profile, imageFile)
			require.Equal(t, results.Conformant, status, stdout+stderr)
			report := parse(t, stdout)
			require.Empty(t, unmet(report), arch)
			require.True(t, strings.HasSuffix(found(report, "OS-NO-ASSUMPTIONS"), release), stdout)
			require.Equal(t, results.Pass, point(report, "OS-XEN-PV").Verdict)
		}
	}
}

func buildImage(t *testing.T, args ...string) {
	t.Helper()
	args = append([]string{"image", "build", "--guest", guestDir, "--loader", filepath.Join(guestDir, "loader"),
		"--guest32", guestDir32, "--loader32", filepath.Join(guestDir32, "loader")}, args...)
	status, _, stderr := vmspec(t, args...)
	require.Equal(t, results.Conformant, status, stderr)
}

// needImageBoots is needBoot, for what CI boots less of.
func needImageBoots(t *testing.T) {
	t.Helper()
	if os.Getenv("VMSPEC_IMAGES") == "" {
		t.Skip("takes minutes: make image-boots sets VMSPEC_IMAGES")
	}
	needBoot(t)
}

// The one image, however it is attached and whatever the machine is.
func TestImageBoots(t *testing.T) {
	// Of Debian's U-Boot: no virtio-scsi, no xHCI.
	for _, c := range []string{
		"qemu-image --gic 2", "qemu-image --cpus 4", "qemu-image --memory 320",
		"qemu-image --disk virtio-blk-device", "qemu-image --disk virtio-scsi", "qemu-image --disk nvme", "qemu-image --disk usb",
		"qemu-image-acpi --gic 2", "qemu-image-acpi --disk virtio-blk-device", "qemu-image-acpi --disk virtio-scsi",
		"qemu-image-acpi --disk nvme", "qemu-image-acpi --disk usb",
		"qemu-uboot --gic 2", "qemu-uboot --memory 192",
		"qemu-uboot --disk virtio-blk-device", "qemu-uboot --disk nvme", "qemu-uboot --disk usb-ehci",
		"qemu-image32", "qemu-image32 --gic 2 --disk virtio-blk-device", "qemu-image32 --disk virtio-scsi", "qemu-image32 --disk nvme",
		"qemu-uboot32 --gic 2 --memory 192",
	} {
		t.Run(c, func(t *testing.T) {
			t.Parallel()
			args := strings.Fields(c)
			needTarget(t, args[0])
			needImageBoots(t)
			bootImage(t, args[0], imageFile, args[1:]...)
		})
	}
}

// Debian's U-Boot takes every virtio disk's sectors to be of 512 bytes; AAVMF
// sees no partition on a USB disk of larger ones.
func TestImageBootsWithLargeSectors(t *testing.T) {
	for _, disk := range []string{"virtio-blk-pci", "virtio-scsi", "nvme"} {
		t.Run(disk, func(t *testing.T) {
			t.Parallel()
			needImageBoots(t)
			image := filepath.Join(t.TempDir(), "4k.img")
			buildImage(t, "-o", image, "--sector-size", "4096")
			bootImage(t, "qemu-image", image, "--disk", disk)
		})
	}
}

// The image's file system is one that U-Boot can store a variable in, which
// makes it another image.
func TestImageBootsStoreAVariable(t *testing.T) {
	needImageBoots(t)
	image := filepath.Join(t.TempDir(), "copy.img")
	copyFile(t, image, imageFile)
	uBootTypes(t, image, "", "virtio scan", "setenv -e -nv -bs -rt Vmspec stored", "poweroff")
	require.NotEqual(t, digest(t, imageFile), digest(t, image))
	esp := image + "@@1M"
	out, err := exec.Command("mdir", "-b", "-i", esp, "::ubootefi.var").CombinedOutput()
	require.NoError(t, err, string(out))
	log := filepath.Join(t.TempDir(), "vm.log")
	report := bootImageWants(t, uBootFails, "qemu-uboot", image, "--log", log)
	require.Contains(t, point(report, "IMG-NO-VARIABLES").Found, `\ubootefi.var`)
	record, err := os.Open(log + results.HostRunSuffix)
	require.NoError(t, err)
	defer record.Close()
	run, err := results.ReadHostRun(record)
	require.NoError(t, err)

	status, stdout, stderr := vmspec(t, "image", "check", image)
	require.Equal(t, results.NotConformant, status, stderr)
	checked := parse(t, stdout)
	require.Equal(t, map[string]results.Verdict{"IMG-NO-VARIABLES": results.Fail}, unmet(checked))
	judged := point(checked, "IMG-NO-VARIABLES")
	require.Equal(t, results.Judged{Verdict: results.Fail, Text: judged.Problem, Fix: judged.Fix}, run.Image[judged.ID])
}

// uBootTypes starts U-Boot with a disk that it may write to, and types lines
// into it: each when a prompt or, for the first, its count-down is there.
func uBootTypes(t *testing.T, image string, lines ...string) {
	t.Helper()
	firmware, err := target.Target{UBoot: true}.Firmware().Find("")
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), target.Binary, "-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio",
		"-machine", "virt,acpi=off", "-cpu", "cortex-a57", "-m", "512", "-bios", firmware.Code,
		"-drive", "if=none,id=image,format=raw,file="+image, "-device", "virtio-blk-pci,drive=image")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	late := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	var said strings.Builder
	for buffer, prompt := make([]byte, 256), "autoboot:"; ; {
		n, err := out.Read(buffer)
		said.Write(buffer[:n])
		if err != nil {
			break
		}
		if len(lines) > 0 && strings.Contains(said.String(), prompt) {
			said.Reset()
			_, err := io.WriteString(in, lines[0]+"\r")
			require.NoError(t, err)
			lines, prompt = lines[1:], "\n=> "
		}
	}
	require.NoError(t, cmd.Wait(), said.String())
	require.Empty(t, lines, said.String())
}
