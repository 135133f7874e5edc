package efi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// A LoadOption is something that the firmware can boot, the content of a
// Boot#### variable: EFI_LOAD_OPTION, UEFI Specification 2.10, section 3.1.3.
type LoadOption struct {
	Number      int // of the variable: 0x1a for Boot001A
	Active      bool
	Description string
	Path        []PathNode `json:"-"`
}

// A PathNode is an element of a device path: section 10.3.1. Data are the
// bytes of the variable behind the node's length, not a copy.
type PathNode struct {
	Type, SubType uint8
	Data          []byte
}

const (
	attributesSize = 4      // what efivarfs puts in front of each variable
	loadActive     = 1 << 0 // LOAD_OPTION_ACTIVE
	endOfPath      = 0x7f
)

// MaxOption bounds a load option that is read, in bytes.
const MaxOption = 64 << 10

// ParseLoadOption reads a Boot#### variable as efivarfs shows it.
func ParseLoadOption(variable []byte) (*LoadOption, error) {
	if len(variable) > MaxOption {
		return nil, fmt.Errorf("%d bytes, at most %d", len(variable), MaxOption)
	}
	if len(variable) < attributesSize+6 {
		return nil, fmt.Errorf("%d bytes, want at least %d", len(variable), attributesSize+6)
	}
	data := variable[attributesSize:]
	o := LoadOption{Active: binary.LittleEndian.Uint32(data)&loadActive != 0}
	pathLength := int(binary.LittleEndian.Uint16(data[4:]))
	units, rest, err := cutString(data[6:])
	if err != nil {
		return nil, fmt.Errorf("description: %w", err)
	}
	o.Description = string(utf16.Decode(units))
	if pathLength > len(rest) {
		return nil, fmt.Errorf("device path of %d bytes, but %d are left", pathLength, len(rest))
	}
	o.Path, err = ParsePath(rest[:pathLength])
	return &o, err
}

// cutString takes a CHAR16 string and its NUL off the front.
func cutString(data []byte) (units []uint16, rest []byte, err error) {
	for ; len(data) >= 2; data = data[2:] {
		u := binary.LittleEndian.Uint16(data)
		if u == 0 {
			return units, data[2:], nil
		}
		units = append(units, u)
	}
	return nil, nil, errors.New("no end")
}

// ParsePath reads a device path up to its end node, or several of them one
// behind the other. The end nodes are left out.
func ParsePath(data []byte) ([]PathNode, error) {
	var out []PathNode
	for n := 0; len(data) > 0; n++ {
		if len(data) < 4 {
			return nil, fmt.Errorf("device path: node %d: %d bytes", n, len(data))
		}
		length := int(binary.LittleEndian.Uint16(data[2:]))
		if length < 4 || length > len(data) {
			return nil, fmt.Errorf("device path: node %d: length %d", n, length)
		}
		if data[0] != endOfPath {
			out = append(out, PathNode{Type: data[0], SubType: data[1], Data: data[4:length]})
		}
		data = data[length:]
	}
	return out, nil
}

// Messaging device path nodes: section 10.3.4.
const (
	Messaging  = 3 // their type
	MACAddress = 11
)

// Media device path nodes: section 10.3.5.
const (
	media     = 4
	hardDrive = 1
	filePath  = 4

	hardDriveSize   = 38 // behind the node's length
	hardDriveStart  = 4  // LBA
	hardDriveBegin  = 20 // of the signature
	signatureIsMBR  = 1
	signatureIsGUID = 2
)

// File returns the path of the file that the option names, empty if it names
// none: then the firmware looks at the removable media path.
func (o *LoadOption) File() string {
	var out string
	for _, n := range o.Path {
		if n.Type == media && n.SubType == filePath {
			units, _, err := cutString(n.Data)
			if err != nil {
				return out
			}
			out += string(utf16.Decode(units))
		}
	}
	return out
}

// Partition returns the unique GUID of the partition that the option names, as
// 16 bytes of an EFI_GUID; nil if it names none.
func (o *LoadOption) Partition() []byte {
	for _, n := range o.Path {
		if n.Type == media && n.SubType == hardDrive && len(n.Data) == hardDriveSize && n.Data[hardDriveSize-1] == signatureIsGUID {
			return n.Data[hardDriveBegin:][:16]
		}
	}
	return nil
}

// An MBRPartition is named by the signature of its disk's master boot record, and
// by where it begins.
type MBRPartition struct {
	Signature uint32
	First     uint64 // LBA
}

// MBR returns the partition of a master boot record that the option names; nil if
// it names none.
func (o *LoadOption) MBR() *MBRPartition {
	for _, n := range o.Path {
		if n.Type == media && n.SubType == hardDrive && len(n.Data) == hardDriveSize && n.Data[hardDriveSize-1] == signatureIsMBR {
			return &MBRPartition{binary.LittleEndian.Uint32(n.Data[hardDriveBegin:]), binary.LittleEndian.Uint64(n.Data[hardDriveStart:])}
		}
	}
	return nil
}

// Device returns the path of the device that the option names, without what is on
// it: partitions, an optical medium's boot image, files.
func (o *LoadOption) Device() []PathNode {
	path := o.Path
	for len(path) > 0 && path[len(path)-1].Type == media && slices.Contains(onMedia, path[len(path)-1].SubType) {
		path = path[:len(path)-1]
	}
	return path
}

// onMedia are the nodes of what is on a disk: hard drive, CD-ROM, file.
var onMedia = []uint8{hardDrive, 2, filePath}

// PCI returns the PCI functions on the way to the device, each as "DEVICE.FUNCTION"
// in hexadecimal: section 10.3.2.1.
func (o *LoadOption) PCI() (slots []string) {
	for _, n := range o.Path {
		if n.Type == hardware && n.SubType == pci && len(n.Data) == 2 {
			slots = append(slots, fmt.Sprintf("%02x.%x", n.Data[1], n.Data[0]))
		}
	}
	return slots
}

// A hardware device path node: section 10.3.2.
const (
	hardware = 1
	pci      = 1
)

// globalVariable is EFI_GLOBAL_VARIABLE: section 3.3.
const globalVariable = "-8be4df61-93ca-11d2-aa0d-00e098032b8c"

// readBoot reads what the firmware boots: the boot variables.
func (f *Facts) readBoot(fsys fs.FS) error {
	entries, err := fs.ReadDir(fsys, dir+"/efivars")
	if err != nil {
		return nil // not mounted: readVariables says why
	}
	var errs []error
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), globalVariable)
		number, isBoot := strings.CutPrefix(name, "Boot")
		if !ok || !isBoot {
			continue
		}
		if err := f.readBootVariable(fsys, e.Name(), number); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

func (f *Facts) readBootVariable(fsys fs.FS, name, number string) error {
	n, err := strconv.ParseUint(number, 16, 16)
	isOption := err == nil && len(number) == 4
	if !isOption && number != "Current" && number != "Order" {
		return nil
	}
	data, err := fs.ReadFile(fsys, dir+"/efivars/"+name)
	switch {
	case err != nil:
		return err
	case isOption:
		o, err := ParseLoadOption(data)
		if err != nil {
			return err
		}
		o.Number = int(n)
		f.Boot = append(f.Boot, *o)
		return nil
	case len(data) < attributesSize || len(data)%2 != 0 || len(data) > MaxOption:
		return fmt.Errorf("%d bytes are no list of numbers", len(data))
	}
	var numbers []int
	for pair := range slices.Chunk(data[attributesSize:], 2) {
		numbers = append(numbers, int(binary.LittleEndian.Uint16(pair)))
	}
	switch {
	case number == "Order":
		f.BootOrder = numbers
	case len(numbers) != 1:
		return fmt.Errorf("%d numbers, want one", len(numbers))
	default:
		f.BootCurrent = &numbers[0]
	}
	return nil
}
