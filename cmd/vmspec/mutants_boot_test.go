package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/probes/fdt"
	"vmspec/probes/fdt/fdttest"
	"vmspec/probes/guest/guesttest"
	"vmspec/results"
	"vmspec/suite/mutants"
	"vmspec/suite/mutants/mutantstest"
)

// A mutantBoot is a live row, its steps sorted by what they are for.
type mutantBoot struct {
	row        *mutants.Row
	treeFile   string // a whole tree, of trees/
	edits      []func(t *fdt.Tree)
	late       string // a property of the root behind its children
	cpus       int
	qemu       []string
	flags      []string // of vmspec run
	append     []string // of the kernel's command line
	faketime   string
	uefi       bool
	noPort     bool
	serial     string
	imageSteps []mutants.Step
}

func newMutantBoot(t *testing.T, r *mutants.Row) *mutantBoot {
	t.Helper()
	b := &mutantBoot{row: r, cpus: 1}
	for _, s := range r.Steps {
		require.NoError(t, b.take(s), r.At)
	}
	return b
}

func (b *mutantBoot) take(s mutants.Step) (err error) {
	first := ""
	if len(s.Args) > 0 {
		first = s.Args[0]
	}
	switch s.Word {
	case "tree":
		b.treeFile = first
	case "rootname":
		b.edits = append(b.edits, func(t *fdt.Tree) { t.Root.Name = first })
	case "late":
		b.late = first
	case "cpus":
		b.cpus, err = strconv.Atoi(first)
	case "qemu":
		b.qemu = append(b.qemu, s.Args...)
	case "flags":
		b.flags = append(b.flags, s.Args...)
	case "append":
		b.append = append(b.append, s.Args...)
	case "faketime":
		b.faketime = first
	case "firmware":
		b.uefi = true
	case "noport":
		b.noPort = true
	case "serial":
		b.serial = first
	case "zero", "mcopy":
		b.imageSteps = append(b.imageSteps, s)
	default:
		edit, wrong := mutantstest.TreeEdit(s)
		b.edits, err = append(b.edits, edit), wrong
	}
	return err
}

// tree writes the tree that QEMU makes for four CPUs, or another one, with the edits.
func (b *mutantBoot) tree(t *testing.T, more func(tree *fdt.Tree)) string {
	t.Helper()
	from := filepath.Join(guesttest.Testdata(t), "foreign", "trees", b.treeFile)
	if b.treeFile == "" {
		from = dumpTree(t)
	}
	tree := parseTree(t, from)
	more(tree)
	for _, edit := range b.edits {
		edit(tree)
	}
	blob := fdttest.Encode(tree)
	if b.late != "" {
		blob = fdttest.EncodeLate(tree, b.late, []byte("late\x00"))
	}
	file := filepath.Join(shortDir(t), "broken.dtb")
	require.NoError(t, os.WriteFile(file, blob, 0o600))
	return file
}

// A way is how a live row is booted, and what the same VM fails that is not broken.
type way struct {
	args  func(t *testing.T, b *mutantBoot) []string
	fails func(b *mutantBoot) map[string]results.Verdict
}

// ways are named by the rows' lines "boot".
var ways = map[string]way{
	"qemu-virt":      {runTarget, failsAs("qemu-virt")},
	"qemu-virt-uefi": {runTarget, failsAs("qemu-virt-uefi")},
	"qemu-image":     {runImage, failsAs("qemu-virt-uefi")},
	"qemu-uboot":     {runImage, func(*mutantBoot) map[string]results.Verdict { return uBootFails }},
	"direct":         {runDirect, failsOfDirect},
	"loader":         {runLoader, failsAs("qemu-virt")},
	"store":          {runStore, failsAs("qemu-virt-uefi")},
	"vexpress-a15":   {runVexpress, func(*mutantBoot) map[string]results.Verdict { return vexpressFails }},
}

// vexpressFails are true of that machine: its second CPU waits for no known method,
// there is no PSCI, and QEMU has no watchdog where the tree has one.
var vexpressFails = func() map[string]results.Verdict {
	out := on32Bits(fails["qemu-virt"])
	for _, id := range []string{"HW-FDT-BOOT", "HW-FDT-COMPLETE", "HW-STDOUT", "PLAT-CPU-ENUM", "PLAT-PSCI", "PLAT-PSCI-FEATURES"} {
		out[id] = results.Fail
	}
	return out
}()

func failsAs(name string) func(*mutantBoot) map[string]results.Verdict {
	return func(*mutantBoot) map[string]results.Verdict { return fails[name] }
}

func failsOfDirect(b *mutantBoot) map[string]results.Verdict {
	if b.uefi {
		return fails["qemu-virt-uefi"]
	}
	return fails["qemu-virt"]
}

// runTarget is one of the targets; a tree that is edited goes by -dtb.
func runTarget(t *testing.T, b *mutantBoot) []string {
	args := append([]string{"run", b.row.Boot, "--guest", guestDir}, b.flags...)
	qemu := b.qemu
	if len(b.edits) > 0 {
		b.cpus = 4
		qemu = append(qemu, "-dtb", b.tree(t, func(*fdt.Tree) {}))
	}
	args = append(args, "--cpus", fmt.Sprint(b.cpus), "--append", strings.Join(b.append, " "), "--")
	return append(args, qemu...)
}

// runDirect is any VMM, as a vendor would start it.
func runDirect(t *testing.T, b *mutantBoot) []string {
	more := slices.Clone(b.qemu)
	if b.uefi {
		more = append(more, append(firmware(t), "-machine", "acpi=off")...)
	}
	if len(b.edits) > 0 {
		b.cpus = 4
		more = append(more, "-dtb", b.tree(t, func(*fdt.Tree) {}))
	}
	switch b.serial {
	case "":
		more = append(more, "-serial", "stdio")
	case "virtconsole":
		more = append(more, "-chardev", "stdio,id=c", "-device", "virtio-serial-pci", "-device", "virtconsole,chardev=c")
	default:
		more = append(more, "-chardev", "stdio,id=c", "-device", b.serial+",chardev=c")
	}
	qemu := direct(t, append(more, "-smp", fmt.Sprint(b.cpus))...)
	qemu[slices.Index(qemu, "-append")+1] += " {append} " + strings.Join(b.append, " ")
	if b.noPort {
		at := slices.Index(qemu, rootPort)
		qemu = slices.Delete(qemu, at-1, at+1)
	}
	args := append(append([]string{"run", "exec"}, b.flags...), "--")
	if b.faketime != "" {
		// QEMU's clock device follows the host's calendar, its counter does not.
		args = append(args, "faketime", "-m", "--exclude-monotonic", "-f", b.faketime)
	}
	return append(append(args, target.Binary), qemu...)
}

// Where a guest's parts lie in the RAM of QEMU's virt machine.
const (
	ramStart       = 0x40000000
	ramSize        = 512 << 20
	kernelAt       = ramStart + 0x200000
	entryAt        = 0x47000000
	initramfsAt    = 0x48000000
	treeAt         = 0x4f000000
	kernelArgument = "console=ttyAMA0 panic=-1 vmspec.nonce=foreign"
)

// entry is the program by which CPU 0 begins: it calls the kernel as the boot
// protocol asks (Documentation/arch/arm64/booting.rst), with the tree in x0.
var entry = []uint32{
	0xd2a00000 | treeAt>>16<<5,         // movz x0, #treeAt >> 16, lsl #16
	0xd2800001, 0xd2800002, 0xd2800003, // mov x1 to x3, #0
	0xd2a00004 | kernelAt>>16<<5, // movz x4, #kernelAt >> 16, lsl #16
	0xd61f0080,                   // br x4
}

// runLoader puts the parts into RAM and starts CPU 0 there: QEMU repairs /psci,
// /memory and /chosen of a tree that it is given by -dtb.
func runLoader(t *testing.T, b *mutantBoot) []string {
	var code []byte
	for _, word := range entry {
		code = binary.LittleEndian.AppendUint32(code, word)
	}
	start := filepath.Join(shortDir(t), "entry.bin")
	require.NoError(t, os.WriteFile(start, code, 0o600))
	args := []string{"run", "exec", "--nonce", "foreign", "--", target.Binary, "-nodefaults", "-display", "none", "-serial", "stdio",
		"-machine", "virt,gic-version=3", "-cpu", "cortex-a57", "-smp", fmt.Sprint(b.cpus), "-m", fmt.Sprint(ramSize >> 20),
		"-device", rootPort, "-device", fmt.Sprintf("loader,addr=%#x,cpu-num=0", entryAt)}
	for _, part := range []struct {
		file string
		at   int
	}{
		{filepath.Join(guestDir, imageName), kernelAt},
		{start, entryAt},
		{filepath.Join(guestDir, initramfsName), initramfsAt},
		{b.tree(t, func(tree *fdt.Tree) { choose(t, tree, b.append) }), treeAt},
	} {
		args = append(args, "-device", fmt.Sprintf("loader,file=%s,addr=%#x,force-raw=on", part.file, part.at))
	}
	return args
}

// choose says in /chosen where the initramfs lies.
func choose(t *testing.T, tree *fdt.Tree, more []string) {
	t.Helper()
	info, err := os.Stat(filepath.Join(guestDir, initramfsName))
	require.NoError(t, err)
	chosen := fdttest.At(tree, "/chosen")
	fdttest.Set(chosen, "bootargs", append([]byte(strings.Join(append([]string{kernelArgument}, more...), " ")), 0))
	fdttest.Set(chosen, "linux,initrd-start", fdttest.Cells(0, initramfsAt))
	fdttest.Set(chosen, "linux,initrd-end", fdttest.Cells(0, initramfsAt+uint32(info.Size())))
}

// runStore powers a VM on twice whose variables are in memory.
func runStore(t *testing.T, b *mutantBoot) []string {
	qemu := direct(t, "-serial", "stdio", "-machine", "acpi=off", "-bios", "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd")
	qemu[slices.Index(qemu, "-append")+1] += " {append}"
	qemu = slices.DeleteFunc(qemu, func(arg string) bool { return arg == "-no-reboot" })
	return append([]string{"run", "exec", "--boots", "2", "--", target.Binary}, qemu...)
}

// runImage boots the suite's image, or a copy that is broken.
func runImage(t *testing.T, b *mutantBoot) []string {
	image := imageFile
	if len(b.imageSteps) > 0 {
		image = filepath.Join(shortDir(t), "broken.img")
		copyFile(t, image, imageFile)
	}
	for _, s := range b.imageSteps {
		breakImage(t, image, s)
	}
	return append([]string{"run", b.row.Boot, "--image", image}, b.flags...)
}

// breakImage is "mcopy NAME", a file beside the boot programs, or "zero backup COUNT".
func breakImage(t *testing.T, image string, s mutants.Step) {
	t.Helper()
	if s.Word == "mcopy" {
		file := filepath.Join(shortDir(t), s.Args[0])
		require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))
		out, err := exec.Command("mcopy", "-i", image+"@@1M", file, "::"+s.Args[0]).CombinedOutput()
		require.NoError(t, err, string(out))
		return
	}
	require.Equal(t, []string{"backup", "512"}, s.Args)
	f, err := os.OpenFile(image, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	info, err := f.Stat()
	require.NoError(t, err)
	_, err = f.WriteAt(make([]byte, 512), info.Size()-512)
	require.NoError(t, err)
}

// runVexpress is a machine of another kind, which nobody here made.
func runVexpress(t *testing.T, b *mutantBoot) []string {
	found, err := filepath.Glob(filepath.Join(guestDir32, "kernel", "unpacked", "usr", "lib", "linux-image-*", "vexpress-v2p-ca15-tc1.dtb"))
	require.NoError(t, err)
	require.NotEmpty(t, found, "make guest ARCH=arm unpacks the kernel's package")
	return []string{"run", "exec", "--", "qemu-system-arm", "-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio",
		"-machine", "vexpress-a15", "-cpu", "cortex-a15", "-m", "512", "-dtb", found[0],
		"-kernel", filepath.Join(guestDir32, imageName), "-initrd", filepath.Join(guestDir32, initramfsName), "-append", "console=ttyAMA0 panic=-1 {append}"}
}
