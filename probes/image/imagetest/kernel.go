package imagetest

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// A Section is a part of a PE file.
type Section struct {
	Name string
	Data []byte
}

// UKI is [PE] with more sections.
func UKI(machine uint16, sections ...Section) []byte {
	b := PE(machine)
	le := binary.LittleEndian
	p := b[0x40:]
	le.PutUint16(p[6:], uint16(1+len(sections)))
	for n, s := range sections {
		entry := b[0x40+24+240+40*(n+1):]
		copy(entry, s.Name)
		le.PutUint32(entry[8:], uint32(len(s.Data)))
		le.PutUint32(entry[12:], 0x1000)
		le.PutUint32(entry[16:], uint32(len(s.Data)))
		le.PutUint32(entry[20:], uint32(len(b)))
		b = append(b, s.Data...)
	}
	return b
}

// Newc is a cpio archive of files and directories, in the form "newc".
func Newc(files ...File) []byte {
	var b bytes.Buffer
	for n, f := range append(files, File{Path: "TRAILER!!!", Data: []byte{}}) {
		mode := 0o100644
		if f.Dir {
			mode = 0o040755
		}
		fmt.Fprintf(&b, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
			n, mode, 0, 0, 1, 0, len(f.Data), 0, 0, 0, 0, len(f.Path)+1, 0, f.Path)
		b.Write(make([]byte, -b.Len()&3))
		b.Write(f.Data)
		b.Write(make([]byte, -b.Len()&3))
	}
	return b.Bytes()
}

// Kernel is as much of a Linux Image for AArch64 as tells its release, and then
// more bytes.
func Kernel(release string, more ...byte) []byte {
	b := make([]byte, 128)
	copy(b[56:], "ARM\x64")
	return append(append(b, "Linux version "+release+" (somebody@somewhere) #1 SMP\n\x00"...), more...)
}
