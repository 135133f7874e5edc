package guest

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"vmspec/probes/efi"
	"vmspec/probes/fdt"
)

// addressSize is the length of an Ethernet address as people and kernels
// write it, such as 52:54:00:12:34:56.
const addressSize = 17

// Scrub overwrites what identifies a machine in a text such as the kernel's log: the
// digits of Ethernet addresses, and the serial numbers of USB devices as Linux logs
// them. Lengths and lines stay as they are.
func Scrub(out []byte) {
	for i := 0; i+addressSize <= len(out); i++ {
		if isAddress(out[i:i+addressSize]) && (i == 0 || !isHex(out[i-1])) && (i+addressSize == len(out) || !isHex(out[i+addressSize])) {
			erase(out[i : i+addressSize])
			i += addressSize - 1
		}
	}
	for rest := out; ; {
		_, number, found := bytes.Cut(rest, []byte(serialLabel))
		if !found {
			return
		}
		number, rest, _ = bytes.Cut(number, []byte{'\n'})
		erase(number)
	}
}

// serialLabel is drivers/usb/core/hub.c's, announce_device.
const serialLabel = "SerialNumber: "

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func isAddress(b []byte) bool {
	for i, c := range b {
		switch {
		case i%3 == 2 && (c != b[2] || c != ':' && c != '-'):
			return false
		case i%3 != 2 && !isHex(c):
			return false
		}
	}
	return true
}

// erase writes an x over each letter and digit.
func erase(b []byte) {
	for i, c := range b {
		if c != ':' && c != '-' && c > ' ' {
			b[i] = 'x'
		}
	}
}

// scrub does the same in a captured file, depending on the kind of file.
func scrub(name string, data []byte) {
	switch {
	case name == fdt.Path:
		scrubTree(data)
	case strings.HasPrefix(name, "sys/firmware/efi/efivars/Boot"):
		scrubVariable(data)
	case strings.HasPrefix(name, "sys/devices/") && strings.HasSuffix(name, "/config"):
		scrubConfig(data)
	case name == "proc/cmdline":
		Scrub(data)
	}
}

// identities are properties that identify a machine: Devicetree
// Specification 0.4, sections 2.3 and 4.3, and Linux's of_net.c.
var identities = []string{"mac-address", "local-mac-address", "serial-number"}

// scrubTree overwrites those properties, and addresses in the command line, as
// far as the tree can be read.
func scrubTree(blob []byte) {
	tree, _ := fdt.Parse(blob)
	for _, n := range tree.Root.All() {
		for _, p := range slices.Concat(n.Props, n.Late) {
			switch {
			case slices.Contains(identities, p.Name):
				mask(p.Value)
			case p.Name == "bootargs":
				Scrub(p.Value)
			}
		}
	}
}

// mask overwrites a text of any length, but not what separates its parts.
func mask(value []byte) {
	for i, c := range value {
		if c != 0 {
			value[i] = 'x'
		}
	}
}

// Extended capabilities of PCI Express: Base Specification 6.0, sections
// 7.6.3 and 7.9.3.
const (
	extendedBegin      = 0x100
	deviceSerialNumber = 0x0003
)

// scrubConfig overwrites a function's serial number in its configuration
// space.
func scrubConfig(config []byte) {
	at := extendedBegin
	for range len(config) / 4 { // a list cannot be longer
		if at < extendedBegin || at+12 > len(config) {
			return
		}
		head := binary.LittleEndian.Uint32(config[at:])
		if head&0xffff == deviceSerialNumber {
			clear(config[at+4 : at+12])
		}
		at = int(head >> 20)
	}
}

// Subtypes of the messaging device path nodes that hold a machine's own
// numbers, beside efi.MACAddress: UEFI Specification 2.10, section 10.3.4.
const (
	usbWWID      = 16
	nvmeIdentity = 23
)

// scrubVariable overwrites such numbers in a Boot#### variable, and the
// address in its description, "UEFI PXEv4 (MAC:525400123456)". One that is no
// load option stays as it is.
func scrubVariable(data []byte) {
	option, err := efi.ParseLoadOption(data)
	if err != nil {
		return
	}
	for _, n := range option.Path {
		if n.Type == efi.Messaging && (n.SubType == efi.MACAddress || n.SubType == usbWWID || n.SubType == nvmeIdentity) {
			clear(n.Data)
		}
	}
	mark := []byte("M\x00A\x00C\x00:\x00")
	if _, rest, ok := bytes.Cut(data, mark); ok {
		for i := 0; i+1 < len(rest) && isHex(rest[i]) && rest[i+1] == 0; i += 2 {
			rest[i] = 'x'
		}
	}
}
