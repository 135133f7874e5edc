package probes

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/guest/guesttest"
)

// maxMemory is how much one hostile file may make the whole of probing hold
// at once, beside the file itself: PID 1 cannot be allowed to run out.
const maxMemory = 16 << 20

// A hypervisor writes these bytes. Each costs an error, and neither a panic
// nor much memory.
func TestReadHostile(t *testing.T) {
	counts := func(at int, value uint32) []byte {
		tree, err := guesttest.Open(t, "qemu-virt-uefi-gicv3").ReadFile("sys/firmware/fdt")
		require.NoError(t, err)
		out := bytes.Clone(tree)
		binary.BigEndian.PutUint32(out[at:], value)
		return out
	}
	const global = "-8be4df61-93ca-11d2-aa0d-00e098032b8c"
	tests := map[string]struct {
		guest, file string
		content     []byte
		failed      func(f *Facts) string // what is said of it
	}{
		"a tree of four GiB":        {"qemu-virt-uefi-gicv3", "sys/firmware/fdt", counts(4, 1<<32-1), func(f *Facts) string { return f.FDT.Broken }},
		"a tree of strings":         {"qemu-virt-uefi-gicv3", "sys/firmware/fdt", counts(32, 1<<31), func(f *Facts) string { return f.FDT.Broken }},
		"a tree that is no tree":    {"qemu-virt-uefi-gicv3", "sys/firmware/fdt", bytes.Repeat([]byte{0, 0, 0, 1}, 1<<19), func(f *Facts) string { return f.FDT.Broken }},
		"a MADT of zeroes":          {"qemu-virt-acpi", "sys/firmware/acpi/tables/APIC", make([]byte, 4<<20), func(f *Facts) string { return f.ACPI.Damaged["APIC"] }},
		"a DBG2 of junk":            {"qemu-virt-acpi", "sys/firmware/acpi/tables/DBG2", bytes.Repeat([]byte("DBG2"), 1<<20), func(f *Facts) string { return f.ACPI.Damaged["DBG2"] }},
		"interrupts without end":    {"qemu-virt-gicv2", "proc/interrupts", []byte(strings.Repeat(" CPU0", 1<<19)), func(f *Facts) string { return f.GIC.Running.Err }},
		"interrupts on a long line": {"qemu-virt-gicv2", "proc/interrupts", []byte(" CPU0\n" + strings.Repeat("9", 4<<20)), func(f *Facts) string { return f.GIC.Running.Err }},
		"a boot variable of 4 MiB":  {"qemu-virt-uefi-gicv3", "sys/firmware/efi/efivars/Boot0000" + global, make([]byte, 4<<20), func(f *Facts) string { return f.EFI.BootErr }},
		"a boot order of an odd length": {"qemu-virt-uefi-gicv3", "sys/firmware/efi/efivars/BootOrder" + global, make([]byte, 7),
			func(f *Facts) string { return f.EFI.BootErr }},
		"a note on DMI that broke off": {"qemu-virt-uefi-gicv3", "vmspec/smbios", []byte("structures 1 1\nstructures x"), func(f *Facts) string { return f.SMBIOS.TablesErr }},
		"a vendor of 4 MiB by DMI": {"qemu-virt-uefi-gicv3", "sys/class/dmi/id/sys_vendor", bytes.Repeat([]byte("A"), 4<<20),
			func(f *Facts) string { return f.Errors["smbios"] }},
		"mounts on a long line": {"qemu-virt-uefi-gicv3", "proc/self/mountinfo", bytes.Repeat([]byte("1 "), 1<<16), func(f *Facts) string { return f.EFI.VariableErr }},
		"mounts without end": {"qemu-virt-uefi-gicv3", "proc/self/mountinfo", bytes.Repeat([]byte("1 1 0:1 / / rw,a,b,c,d,e,f,g - t s rw,a,b,c,d\n"), 1<<16),
			func(f *Facts) string { return f.EFI.VariableErr }},
		"memory without end": {"qemu-virt-gicv2", "proc/meminfo", bytes.Repeat([]byte("MemFree: 1 kB\n"), 1<<16), func(f *Facts) string { return f.Memory.TotalErr }},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			files := guesttest.Open(t, test.guest).With(map[string][]byte{test.file: test.content})
			var facts *Facts
			peak := peakOf(func() { facts = Read(files) })
			for subject, text := range facts.Errors {
				require.NotContains(t, text, "panicked", subject)
			}
			require.NotEmpty(t, test.failed(facts))
			require.LessOrEqual(t, peak, uint64(maxMemory+len(test.content)), fmt.Sprint(peak>>20, " MiB"))
		})
	}
}

// peakOf runs f and returns by how much it made the heap's objects grow, with
// a collector that is quick to come.
func peakOf(f func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	runtime.GC()
	before := heap()
	done := make(chan struct{})
	peak := make(chan uint64)
	go func() {
		most := before
		for {
			most = max(most, heap())
			select {
			case <-done:
				peak <- most
				return
			default:
			}
		}
	}()
	f()
	close(done)
	return <-peak - before
}

// heap returns the bytes of all objects that were not collected yet.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
