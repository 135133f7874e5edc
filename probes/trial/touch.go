package trial

import (
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"vmspec/probes/cpu"
	"vmspec/probes/memory"
)

const (
	// So many pages are touched, or an eighth of those that are free: under
	// emulation they take 5 ms. A kernel hands out what is left over in
	// between first, so that they lie scattered, or now and then all in a corner:
	// where a piece of RAM that is large has none of them, more are taken.
	touchPages = 256
	touchMore  = 4
	touchMost  = 4096
	touchShare = 8
	touchLarge = 8 // of which all RAM is no more than so many
	// A word is written in each line of a cache, which is as little as memory
	// is made of.
	touchStep = 64
)

// TrialTouch takes free memory, of all nodes alike, writes words of its
// own to each page and reads them back. It writes
//
//	page SIZE
//	touched PAGES wrong PAGES
//	piece START LAST PAGES LOWEST HIGHEST
//
// with a line for each piece of RAM that any of the pages lie in, in bytes. There
// are none where the kernel does not tell where its pages are.
func TrialTouch(root fs.FS, out io.Writer) error {
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
	nodes := []int{0}
	if text, err := fs.ReadFile(root, "sys/devices/system/node/online"); err == nil {
		nodes, _ = cpu.ParseList(string(text)) // of the same format
	}
	return onOwnThread(func() error {
		for pages := min(touchPages, most); ; pages = min(touchMore*pages, most) {
			var text strings.Builder
			err := withMemory(pages*size, nodes, func(m []byte) error {
				fmt.Fprintf(&text, "page %d\ntouched %d wrong %d\n", size, pages, touch(m, size))
				frames, err := frames(m, size)
				if err == nil && !writePieces(regions, frames, uint64(size), &text) && len(frames) > 0 && pages < most {
					text.Reset() // it is tried again
				}
				return err
			})
			if err != nil || text.Len() > 0 {
				_, _ = io.WriteString(out, text.String()) // to a note
				return err
			}
		}
	})
}

// touch writes to all pages, and then counts those that are not as they were left.
func touch(m []byte, page int) (wrong int) {
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

// word is another one at each place, with all bits about as often set as not:
// a multiple of 2^64 divided by the golden ratio.
func word(at int) uint64 { return uint64(at/touchStep+1) * 0x9e3779b97f4a7c15 }

// writePieces tells whether all large pieces were reached, too.
func writePieces(regions []memory.Region, frames []uint64, size uint64, out io.Writer) (reached bool) {
	var ram memory.Ranges
	for _, r := range regions {
		if r.Depth == 0 && r.Name == "System RAM" {
			ram = append(ram, r.Range)
		}
	}
	reached = true
	for _, r := range ram {
		var n int
		lowest, highest := ^uint64(0), uint64(0)
		for _, f := range frames {
			if at := f * size; at >= r.Start && at-r.Start < r.Size {
				n, lowest, highest = n+1, min(lowest, at), max(highest, at)
			}
		}
		if n > 0 {
			fmt.Fprintf(out, "piece %d %d %d %d %d\n", r.Start, r.Start+r.Size-1, n, lowest, highest)
		}
		reached = reached && (n > 0 || r.Size < ram.Total()/touchLarge)
	}
	return reached
}
