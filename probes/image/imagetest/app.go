package imagetest

import (
	"encoding/binary"
	"unicode/utf16"
)

// appCode is for AArch64: it calls ConOut's OutputString with the text behind it,
// then ResetSystem to power off (UEFI Specification 2.10, sections 4.3, 12.4.3 and
// 8.5.1, for the offsets in the tables).
var appCode = []uint32{
	0xa9bf7bfd, // stp x29, x30, [sp, #-16]!
	0xaa0103f3, // mov x19, x1: the system table
	0xf9402260, // ldr x0, [x19, #64]: ConOut
	0x10000161, // adr x1, the text
	0xf9400408, // ldr x8, [x0, #8]: OutputString
	0xd63f0100, // blr x8
	0xf9402e69, // ldr x9, [x19, #88]: RuntimeServices
	0xf9403528, // ldr x8, [x9, #104]: ResetSystem
	0x52800040, // mov w0, #2: EfiResetShutdown
	0xd2800001, // mov x1, #0
	0xd2800002, // mov x2, #0
	0xd2800003, // mov x3, #0
	0xd63f0100, // blr x8
	0x14000000, // b .
}

// App is an EFI application for AArch64 that writes a line and powers off. The
// text has at most 200 characters.
func App(text string) []byte {
	const address = 0x1000 // where its section is in memory
	b := PE(0xaa64)
	put := binary.LittleEndian
	p := b[0x40:]
	put.PutUint16(p[22:], 0x22)       // executable, of any address
	put.PutUint32(p[24+4:], 512)      // bytes of code
	put.PutUint32(p[24+20:], address) // where code begins
	put.PutUint32(p[24+32:], 4096)    // alignment in memory
	put.PutUint32(p[24+36:], 512)     // and in the file
	put.PutUint32(p[24+108:], 16)     // data directories, all empty
	s := p[24+240:]
	put.PutUint32(s[36:], 0x60000020) // code, executable, readable
	code := b[512:512]
	for _, word := range appCode {
		code = put.AppendUint32(code, word)
	}
	for _, unit := range append(utf16.Encode([]rune(text)), '\r', '\n', 0) {
		code = put.AppendUint16(code, unit)
	}
	return b
}
