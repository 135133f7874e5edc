package mutantstest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vmspec/probes/image"
	"vmspec/probes/image/imagetest"
	"vmspec/probes/note"
	"vmspec/suite/mutants"
)

// A plan is a disk image that is to be made: what it has, and what is then changed.
type plan struct {
	spec  imagetest.Spec
	after []func(i *imagetest.Image)
}

// isDisk tells whether a step changes a disk image and no file of a guest.
func isDisk(s mutants.Step) bool { return s.Word == "disk" }

// Disk makes the good image, changed by the row's steps "disk …".
func Disk(steps []mutants.Step) (*imagetest.Image, error) {
	p := plan{spec: imagetest.Good()}
	for _, s := range steps {
		if !isDisk(s) {
			continue
		}
		if len(s.Args) < 2 {
			return nil, fmt.Errorf("disk has %d words", len(s.Args))
		}
		if err := p.take(s.Args[0], s.Args[1:]); err != nil {
			return nil, err
		}
	}
	i := imagetest.New(p.spec)
	for _, change := range p.after {
		change(i)
	}
	return i, nil
}

func (p *plan) take(word string, args []string) error {
	esp := &p.spec.Parts[0]
	switch word {
	case "type":
		esp.Type = args[0]
	case "fat":
		bits, err := strconv.Atoi(args[0])
		if err != nil {
			return err
		}
		clusters, err := strconv.ParseUint(args[1], 0, 32)
		esp.FAT.Bits, esp.FAT.Clusters = bits, uint32(clusters)
		return err
	case "programs":
		esp.FAT.Files = nil
		return p.add(args)
	case "beside":
		return p.add(args)
	case "zero", "put":
		return p.write(word, args)
	default:
		return fmt.Errorf("no such line: disk %s", word)
	}
	return nil
}

// add puts files into the ESP: a path and what it is, each.
func (p *plan) add(args []string) error {
	if len(args)%2 != 0 {
		return fmt.Errorf("a path without a kind: %s", args[len(args)-1])
	}
	for pair := range slices.Chunk(args, 2) {
		data, err := contentOf(pair[1])
		if err != nil {
			return err
		}
		p.spec.Parts[0].FAT.Files = append(p.spec.Parts[0].FAT.Files, imagetest.File{Path: pair[0], Data: data})
	}
	return nil
}

// contentOf is what a file has: a program for a machine, a firmware volume of a
// type, or text.
func contentOf(kind string) ([]byte, error) {
	if guid, ok := strings.CutPrefix(kind, "volume:"); ok {
		return imagetest.Volume(guid), nil
	}
	if text, ok := strings.CutPrefix(kind, "text:"); ok {
		return []byte(text), nil
	}
	machine, ok := map[string]uint16{"aarch64": image.MachineAArch64, "arm": image.MachineARM, "x86": 0x8664}[kind]
	if !ok {
		return nil, fmt.Errorf("%q is no kind of file", kind)
	}
	return imagetest.PE(machine), nil
}

// places are named bytes of an image.
var places = map[string]func(i *imagetest.Image) int64{
	"mbr":          func(*imagetest.Image) int64 { return 0 },
	"header":       func(i *imagetest.Image) int64 { return i.Header(false) },
	"backup":       func(i *imagetest.Image) int64 { return i.Header(true) },
	"entry":        func(i *imagetest.Image) int64 { return i.Entry(false, 0) },
	"backup-entry": func(i *imagetest.Image) int64 { return i.Entry(true, 0) },
	"esp":          func(i *imagetest.Image) int64 { return i.First[0] },
}

// write is "zero PLACE COUNT", or "put PLACE OFFSET BYTE…".
func (p *plan) write(word string, args []string) error {
	place, ok := places[args[0]]
	if !ok || len(args) < 2 {
		return fmt.Errorf("disk %s: %q is no place", word, args[0])
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	data, at := make([]byte, n), int64(0)
	if word == "put" {
		if data, err = numbers(args[2:]); err != nil {
			return err
		}
		at = int64(n)
	}
	p.after = append(p.after, func(i *imagetest.Image) { i.Put(place(i)+at, data...) })
	return nil
}

// Record is the note of a guest that was booted from an image.
func Record(i *imagetest.Image) string {
	r := image.NewRecorder(i)
	image.Inspect(r, i.Size, image.Options{Sector: i.Sector})
	n := image.Note{Boot: &image.Boot{Name: "vda", Size: uint64(i.Size), Sector: uint64(i.Sector), By: image.ByLoader}, Loader: `\EFI\BOOT\BOOTAA64.EFI`}
	r.Fill(&n)
	return string(note.Text(&n))
}
