package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/cmd/vmspec/internal/target"
	"vmspec/probes/fdt"
	"vmspec/probes/fdt/fdttest"
	"vmspec/results"
)

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

// A foreign boot is one by a tree that QEMU does not touch.
type foreignBoot struct {
	name   string
	tree   string // a file of foreign/trees; the tree that QEMU makes if it is empty
	edit   func(t *fdt.Tree)
	late   bool // a property of the root stands behind its children
	cpus   int
	always bool              // even without VMSPEC_TREES
	want   map[string]string // "verdict: a part of what is said"
	seen   string            // by the host
}

var foreignBoots = []foreignBoot{
	{
		name: "a root node with a name", edit: func(t *fdt.Tree) { t.Root.Name = "root" }, cpus: 4, always: true,
		want: map[string]string{
			"HW-FDT-STRUCTURE": `fail: root-name at /: the root node is called "root"`,
			"HW-FDT-BOOT":      "pass: ", "HW-FDT-COMPLETE": "pass: ", "PLAT-MEM-ENUM": "pass: ", "PLAT-DEV-ENUM": "pass: ",
			"PLAT-CPU-ENUM": "pass:  4 CPUs declared by fdt, 4 present, 4 online",
		},
	},
	{
		name: "a property behind the children", late: true, cpus: 4,
		want: map[string]string{
			"HW-FDT-STRUCTURE": "fail: property-late at /: model: it stands behind a child node, where Linux ignores it",
			"HW-FDT-BOOT":      "pass: ", "PLAT-CPU-ENUM": "pass:  4 CPUs", "PLAT-TIMER": "pass: ",
		},
	},
	{
		name: "no PSCI", tree: "nopsci.dtb", cpus: 1,
		want: map[string]string{"HW-FDT-BOOT": "pass: ", "PLAT-CPU-ENUM": "pass:  1 CPU ", "PLAT-PSCI": "fail: the kernel found no PSCI"},
	},
	{
		name: "a disabled CPU without enable-method", tree: "cpudis-nomethod.dtb", cpus: 2,
		want: map[string]string{
			"HW-FDT-BOOT":   "fail: the tree has no enable-method in /cpus/cpu@1",
			"HW-FDT-CPUS":   "fail: cpu-method at /cpus/cpu@1",
			"PLAT-CPU-ENUM": "fail: the device tree enables 2 CPUs, Linux has 1",
		},
	},
	{
		name: "a timer with names", tree: "timernames.dtb", cpus: 2, always: true,
		want: map[string]string{"PLAT-TIMER": "interrupt 21", "PLAT-CPU-ENUM": "pass:  2 CPUs"},
	},
	{
		name: "a UART with a wrong interrupt", tree: "uartirq.dtb", cpus: 2,
		want: map[string]string{"PLAT-CONSOLE": "pass: ", "PLAT-CONSOLE-INPUT": "no interrupt came"},
		seen: "PLAT-CONSOLE-INPUT fail: ",
	},
}

func TestBootForeignTrees(t *testing.T) {
	t.Parallel()
	canBoot(t)
	for _, b := range foreignBoots {
		if !b.always && os.Getenv("VMSPEC_TREES") == "" {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			needBoot(t)
			report, stdout := b.boot(t)
			require.Contains(t, stdout, b.seen)
			for id, want := range b.want {
				p, ok := report.Point(id)
				require.True(t, ok, id)
				require.Contains(t, fmt.Sprintf("%s: %s %s", p.Verdict, p.Problem, p.Found), want, id)
			}
		})
	}
}

// boot puts the parts into RAM and starts CPU 0 there: QEMU repairs /psci,
// /memory and /chosen of a tree that it is given by -dtb.
func (b foreignBoot) boot(t *testing.T) (report *results.Report, stdout string) {
	t.Helper()
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, data, 0o600))
		return path
	}
	var code []byte
	for _, word := range entry {
		code = binary.LittleEndian.AppendUint32(code, word)
	}
	args := []string{"run", "exec", "--nonce", "foreign", "--", target.Binary, "-nodefaults", "-display", "none", "-serial", "stdio",
		"-machine", "virt,gic-version=3", "-cpu", "cortex-a57", "-smp", fmt.Sprint(b.cpus), "-m", fmt.Sprint(ramSize >> 20),
		"-device", fmt.Sprintf("loader,addr=%#x,cpu-num=0", entryAt)}
	for _, part := range []struct {
		file string
		at   int
	}{
		{filepath.Join(guestDir, imageName), kernelAt},
		{file("entry.bin", code), entryAt},
		{filepath.Join(guestDir, initramfsName), initramfsAt},
		{file("foreign.dtb", b.blob(t)), treeAt},
	} {
		args = append(args, "-device", fmt.Sprintf("loader,file=%s,addr=%#x,force-raw=on", part.file, part.at))
	}
	_, stdout, stderr := vmspec(t, args...)
	require.NotEmpty(t, stdout, stderr)
	return parse(t, stdout), stdout
}

// blob is the tree as the guest gets it.
func (b foreignBoot) blob(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join("..", "..", "probes", "testdata", "foreign", "trees", b.tree)
	if b.tree == "" {
		path = dumpTree(t)
	}
	tree := parseTree(t, path)
	info, err := os.Stat(filepath.Join(guestDir, initramfsName))
	require.NoError(t, err)
	chosen := fdttest.At(tree, "/chosen")
	fdttest.Set(chosen, "bootargs", append([]byte(kernelArgument), 0))
	fdttest.Set(chosen, "linux,initrd-start", fdttest.Cells(0, initramfsAt))
	fdttest.Set(chosen, "linux,initrd-end", fdttest.Cells(0, initramfsAt+uint32(info.Size())))
	if b.edit != nil {
		b.edit(tree)
	}
	if b.late {
		return fdttest.EncodeLate(tree, "model", []byte("late\x00"))
	}
	return fdttest.Encode(tree)
}
