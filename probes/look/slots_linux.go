package look

import (
	"encoding/binary"
	"os"
	"runtime/debug"
	"sync/atomic"
	"unsafe"

	"vmspec/probes/fdt"
)

// Registers of virtio-mmio: virtio 1.2, section 4.2.2.
const (
	slotMagic     = "virt" // at 0, a little-endian word
	slotDevice    = 8      // the device's ID; 0 is none
	slotRegisters = 12     // bytes up to there
)

// EmptySlots lists the virtio-mmio nodes whose registers say that there is no device:
// QEMU always describes 32 of them. It lists none if /dev/mem cannot be opened.
func EmptySlots(tree *fdt.Tree) map[*fdt.Node]bool {
	mem, err := os.Open("/dev/mem")
	if err != nil {
		return nil
	}
	defer mem.Close()
	return emptySlots(mem, tree)
}

// emptySlots looks only at children of the root: addresses elsewhere may be those of
// another bus.
func emptySlots(mem *os.File, tree *fdt.Tree) map[*fdt.Node]bool {
	empty := map[*fdt.Node]bool{}
	for _, n := range tree.Root.Children {
		if !n.Enabled() || !n.Is("virtio,mmio") {
			continue
		}
		if regs, err := n.Reg(); err == nil && isEmptySlot(mem, regs[0].Start) {
			empty[n] = true
		}
	}
	return empty
}

func isEmptySlot(mem *os.File, address uint64) (empty bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil { // nothing answers at that address
			empty = false
		}
	}()
	err := withPhysical(mem, address, slotRegisters, func(m []byte) {
		empty = register(m, 0) == binary.LittleEndian.Uint32([]byte(slotMagic)) && register(m, slotDevice) == 0
	})
	return empty && err == nil
}

// register reads a register in one access of 32 bits, as virtio-mmio requires.
func register(m []byte, at int) uint32 {
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(&m[at])))
}
