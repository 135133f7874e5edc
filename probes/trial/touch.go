package trial

import (
	"encoding/binary"
	"io/fs"
	"os"

	"vmspec/probes/cpu"
	"vmspec/probes/memory"
)

const (
	// How many pages are touched first, at most an eighth of the free ones: under
	// emulation that takes 5 ms. The kernel gives small gaps first, so the pages lie
	// scattered, but sometimes all in one corner. If a large piece of RAM has none of
	// them, four times as many are touched, and so on.
	touchPages = 256
	touchMore  = 4
	touchMost  = 4096
	touchShare = 8
	touchLarge = 8 // a piece is large if it is at least an eighth of all RAM
	// One word is written in each line of the cache: memory is read and written by
	// whole lines.
	touchStep = 64
)

// Touch takes free memory of all nodes, writes different words to each page and
// reads them back. It notes the pieces of RAM in which the pages lie: none if the
// kernel does not show where its pages are.
func Touch(root fs.FS, n *memory.Touch) error {
	regions, err := memory.Iomem(root)
	if err != nil {
		return err
	}
	free, err := freeBytes()
	if err != nil {
		return err
	}
	size := os.Getpagesize()
	most := min(touchMost, int(free/uint64(size)/touchShare))
	nodes := onlineNodes(root)
	return onOwnThread(func() error {
		for pages := min(touchPages, most); ; pages = min(touchMore*pages, most) {
			enough, err := touchSome(regions, nodes, pages, n)
			if err != nil || enough || pages >= most {
				return err
			}
		}
	})
}

// onlineNodes lists the NUMA nodes that are online.
func onlineNodes(root fs.FS) []int {
	text, err := fs.ReadFile(root, "sys/devices/system/node/online")
	if err != nil {
		return []int{0}
	}
	nodes, _ := cpu.ParseList(string(text)) // of the same format
	return nodes
}

// touchSome touches so many pages. It tells whether that was enough: they lie in
// all large pieces of RAM, or the kernel does not show where they lie.
func touchSome(regions []memory.Region, nodes []int, pages int, n *memory.Touch) (enough bool, err error) {
	*n = memory.Touch{}
	size := os.Getpagesize()
	err = withMemory(pages*size, nodes, func(m []byte) error {
		*n = memory.Touch{Page: uint64(size), Touched: uint64(pages), Wrong: touch(m, size)}
		frames, err := frames(m, size)
		if err == nil {
			n.Pieces, enough = reached(regions, frames, uint64(size))
			enough = enough || len(frames) == 0
		}
		return err
	})
	return enough, err
}

// touch writes to all pages, and then counts those that hold something else.
func touch(m []byte, page int) (wrong uint64) {
	for at := 0; at < len(m); at += touchStep {
		binary.NativeEndian.PutUint64(m[at:], word(at))
	}
	for begin := 0; begin < len(m); begin += page {
		for at := begin; at < begin+page; at += touchStep {
			if binary.NativeEndian.Uint64(m[at:]) != word(at) {
				wrong++
				break
			}
		}
	}
	return wrong
}

// word is different at each place, and each bit is set about as often as not: a
// multiple of 2^64 divided by the golden ratio.
func word(at int) uint64 { return uint64(at/touchStep+1) * 0x9e3779b97f4a7c15 }

// reached lists the pieces of RAM in which frames lie, and tells whether all
// large ones are among them.
func reached(regions []memory.Region, frames []uint64, size uint64) (pieces []memory.Piece, all bool) {
	var ram memory.Ranges
	for _, r := range regions {
		if r.Depth == 0 && r.Name == "System RAM" {
			ram = append(ram, r.Range)
		}
	}
	all = true
	for _, r := range ram {
		p := memory.Piece{Start: r.Start, Last: r.Start + r.Size - 1, Lowest: ^uint64(0)}
		for _, f := range frames {
			if at := f * size; at >= r.Start && at-r.Start < r.Size {
				p.Pages, p.Lowest, p.Highest = p.Pages+1, min(p.Lowest, at), max(p.Highest, at)
			}
		}
		if p.Pages > 0 {
			pieces = append(pieces, p)
		}
		all = all && (p.Pages > 0 || r.Size < ram.Total()/touchLarge)
	}
	return pieces, all
}
