package image

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// An ESP is an EFI System Partition and what was found in it.
type ESP struct {
	Partition
	FS       FileSystem
	Tree     Seen // the result of reading its directories
	Programs []Program
	Others   []string  `json:",omitempty"` // paths of more programs, by their names
	Holds    []Finding // what belongs to firmware
	Files    int       // whose beginnings were read
	More     bool      // there are more files, which were not read
}

// Found is the kind of what is at a path.
type Found string

const (
	Nothing   Found = ""
	File      Found = "file"
	Directory Found = "directory"
)

// A Program is what is at the removable media path of an architecture:
// UEFI Specification 2.10, section 3.5.1.1.
type Program struct {
	Arch   string // as Go names it
	Path   string
	Is     Found
	Lacks  string // the first part of the path that does not exist
	Size   uint32
	Chain  Seen // its chain of clusters, as far as it was followed
	Header *PE  // nil if it is no file
}

type removableFile struct{ arch, file string }

// removable are the paths, by architecture.
var removable = []removableFile{{"arm64", "BOOTAA64.EFI"}, {"arm", "BOOTARM.EFI"}}

// RemovablePath returns the path for an architecture, which is named as in Go.
func RemovablePath(arch string) string {
	for _, r := range removable {
		if r.arch == arch {
			return `\EFI\BOOT\` + r.file
		}
	}
	return ""
}

// Program returns what is at the path for an architecture, which is named as in
// Go; nil if the file system could not be read.
func (e *ESP) Program(arch string) *Program {
	for i := range e.Programs {
		if e.Programs[i].Arch == arch {
			return &e.Programs[i]
		}
	}
	return nil
}

// A Finding is something that belongs to firmware, and where it is.
type Finding struct {
	Where, What string
	Store       string // whose variables it keeps; empty for what keeps none
}

// Whose a variable store is.
const (
	EDK2  = "EDK2"
	UBoot = "U-Boot"
)

// Held lists everything on the disk that belongs to firmware.
func (d *Disk) Held() (all []Finding) {
	for i := range d.ESPs {
		all = append(all, d.ESPs[i].Holds...)
	}
	return append(all, d.Raw...)
}

func (e *ESP) hold(path, what, store string) {
	e.Holds = append(e.Holds, Finding{fmt.Sprintf("%s of partition %d", path, e.Number), what, store})
}

// tree is the file system of an ESP while it is read. Directories are read
// once.
type tree struct {
	*fat
	esp    *ESP
	listed map[uint32][]dirEntry
}

func readESP(s *source, sector int, p Partition, follow bool) ESP {
	e := ESP{Partition: p}
	base, length, err := p.bytes(sector, s.size)
	if err != nil {
		e.FS.add(err)
		return e
	}
	f := readFAT(s, base, length, &e.FS)
	if f == nil {
		return e
	}
	t := &tree{fat: f, esp: &e, listed: map[uint32][]dirEntry{}}
	for _, r := range removable {
		e.Programs = append(e.Programs, t.program(r.arch, r.file, follow))
	}
	t.stores()
	t.walk()
	return e
}

// dir lists a directory. An error is added to the faults of the tree.
func (t *tree) dir(path string, cluster uint32) []dirEntry {
	if entries, ok := t.listed[cluster]; ok {
		return entries
	}
	entries, err := t.list(cluster)
	if err != nil {
		t.esp.Tree.add(fmt.Errorf("directory %s: %w", path, err))
	}
	t.listed[cluster] = entries
	return entries
}

// find returns the entry of that name as firmware finds it: by its long or short
// name, in upper or lower case.
func find(entries []dirEntry, name string) *dirEntry {
	i := slices.IndexFunc(entries, func(e dirEntry) bool {
		return strings.EqualFold(e.long, name) || strings.EqualFold(e.short, name)
	})
	if i < 0 {
		return nil
	}
	return &entries[i]
}

// program finds a boot program and reads its header.
func (t *tree) program(arch, file string, follow bool) Program {
	p := Program{Arch: arch, Path: RemovablePath(arch)}
	at, cluster := "", uint32(0)
	for _, name := range []string{"EFI", "BOOT"} {
		e := find(t.dir(at+`\`, cluster), name)
		at += `\` + name
		if e == nil || !e.directory || e.first == 0 {
			p.Lacks = at
			return p
		}
		cluster = e.first
	}
	e := find(t.dir(at, cluster), file)
	switch {
	case e == nil:
		p.Lacks = p.Path
		return p
	case e.directory:
		p.Is = Directory
		return p
	}
	p.Is, p.Size = File, e.size
	if follow {
		p.Chain.add(t.follow(e.first, e.size))
	} else {
		p.Chain.add(t.fits(e.first, e.size))
	}
	p.Header = readPE(e.size, func(at uint64, n int) ([]byte, error) { return t.read(e.first, e.size, at, n) })
	return p
}

// storeNames are files in which firmware keeps its variables: EDK2's
// (OvmfPkg/Library/NvVarsFileLib) and U-Boot's (include/efi_variable.h).
var storeNames = map[string]string{"NvVars": EDK2, "ubootefi.var": UBoot}

func (t *tree) stores() {
	root := t.dir(`\`, 0)
	for _, name := range slices.Sorted(maps.Keys(storeNames)) {
		if e := find(root, name); e != nil && !e.directory {
			t.esp.hold(`\`+name, "UEFI variables", storeNames[name])
		}
	}
}

// Bounds on how much of a file system is searched.
const (
	maxDirectories = 64
	maxFiles       = 256
	maxDepth       = 8
)

// walk reads the beginnings of files.
func (t *tree) walk() { t.each(t.look) }

// each calls use for each file, directory after directory.
func (t *tree) each(use func(path string, e dirEntry)) {
	type node struct {
		path    string
		cluster uint32
		depth   int
	}
	queue, seen := []node{{}}, map[uint32]bool{0: true}
	for ; len(queue) > 0; queue = queue[1:] {
		n := queue[0]
		for _, e := range t.dir(n.path+`\`, n.cluster) {
			path := n.path + `\` + e.name()
			switch {
			case !e.directory && t.esp.Files == maxFiles, e.directory && (len(seen) > maxDirectories || n.depth == maxDepth):
				t.esp.More = true
			case !e.directory:
				t.esp.Files++
				use(path, e)
			case !seen[e.first]:
				seen[e.first] = true
				queue = append(queue, node{path, e.first, n.depth + 1})
			}
		}
	}
}

func (e dirEntry) name() string {
	if e.long != "" {
		return e.long
	}
	return e.short
}

// look reads a file's beginning. A file that is damaged is no fault here: no text
// asks that any but the boot programs are whole.
func (t *tree) look(path string, e dirEntry) {
	if isProgram(path) && len(t.esp.Others) < maxOthers && !slices.ContainsFunc(removable, func(r removableFile) bool { return strings.EqualFold(path, RemovablePath(r.arch)) }) {
		t.esp.Others = append(t.esp.Others, path)
	}
	if e.size < volumeHeader {
		return
	}
	what, store, err := volumeAt(func(at uint64) ([]byte, error) { return t.read(e.first, e.size, at, volumeHeader) })
	var u unread
	if errors.As(err, &u) {
		t.esp.Tree.add(fmt.Errorf("file %s: %w", path, err))
	}
	if what != "" && storeNames[path[1:]] == "" {
		t.esp.hold(path, what, store)
	}
}

// maxOthers is how many programs are listed that no firmware starts by itself.
const maxOthers = 32

func isProgram(path string) bool {
	return len(path) > 4 && strings.EqualFold(path[len(path)-4:], ".efi")
}

// volumeHeader is EFI_FIRMWARE_VOLUME_HEADER with one block and its end: UEFI
// Platform Initialization Specification 1.8, volume 3, section 3.2.1.1.
const volumeHeader = 72

// volumes are GUIDs of file systems in firmware volumes.
var volumes = map[string]string{
	"7A9354D9-0468-444A-81CE-0BF617D890DF": "a firmware volume (FFS1)",
	"8C8CE578-8A3D-4F1C-9935-896185C32DD3": "a firmware volume (FFS2)",
	"5473C07A-3DCB-4DCA-BD6F-1E9689E7349A": "a firmware volume (FFS3)",
}

// variableVolume is EFI_SYSTEM_NV_DATA_FV_GUID, and uBootVariables how U-Boot's
// file of variables begins.
const (
	variableVolume = "FFF12B8D-7696-4C8B-A985-2747075B4F50"
	uBootVariables = "UbEfiVa\x01"
)

// volume says what firmware keeps at a place, and whose variables.
func volume(b []byte) (what, store string) {
	if bytes.HasSuffix(b[:16], []byte(uBootVariables)) {
		return "UEFI variables of U-Boot", UBoot
	}
	size := binary.LittleEndian.Uint16(b[48:])
	if string(b[40:44]) != "_FVH" || size < volumeHeader-16 || binary.LittleEndian.Uint64(b[32:]) < uint64(size) {
		return "", ""
	}
	if kind := GUID(b[16:]); kind == variableVolume {
		return "a variable store of EDK2", EDK2
	} else {
		return volumes[kind], ""
	}
}

// volumeAt says what firmware keeps at the beginning of something. A flash that
// the CPU starts in begins with a branch, to a volume behind it.
func volumeAt(read func(at uint64) ([]byte, error)) (what, store string, err error) {
	b, err := read(0)
	if err != nil {
		return "", "", err
	}
	if next := branch(b); next != 0 {
		if b, err = read(next); err != nil {
			return "", "", err
		}
	}
	what, store = volume(b)
	return what, store, nil
}

// maxBranch bounds how far away the volume is: EDK2 leaves one page.
const maxBranch = 64 << 10

// branch returns the offset that code branches to if it begins with B, else 0:
// Arm Architecture Reference Manual, C6.2 for A64 and F5.1 for A32, where the
// program counter is 8 ahead.
func branch(b []byte) uint64 {
	var to uint32
	switch op := binary.LittleEndian.Uint32(b); {
	case op>>26 == 0b000101:
		to = op & (1<<26 - 1) * 4
	case op>>24 == 0xea:
		to = op&(1<<24-1)*4 + 8
	}
	if to > maxBranch {
		return 0
	}
	return uint64(to)
}

// hint finds out what partitions hold if none of them is an ESP.
func (d *Disk) hint(s *source) {
	for n := range d.Partitions[:min(len(d.Partitions), maxESPs)] {
		p := &d.Partitions[n]
		if p.First > d.last() {
			continue
		}
		if b, err := s.upTo(p.First*uint64(d.Sector), BeginningSize); err == nil {
			p.Begins = Recognise(b)
		}
	}
}

// scan looks for firmware volumes at the beginning of each partition and of
// each gap between them.
func (d *Disk) scan(s *source) {
	for _, place := range d.places() {
		what, store, err := volumeAt(func(at uint64) ([]byte, error) { return s.read(place.at+at, volumeHeader) })
		var u unread
		if errors.As(err, &u) && d.RawErr == "" {
			d.RawErr = fmt.Sprintf("%s: %v", place.name, err)
		}
		if what != "" {
			d.Raw = append(d.Raw, Finding{"the beginning of " + place.name, what, store})
		}
	}
}

type place struct {
	at   uint64
	name string
}

// maxPlaces is how many places are read at most.
const maxPlaces = 128

// places lists where partitions and gaps begin. A disk without a partition table
// is read at its first and its second sector.
func (d *Disk) places() []place {
	sector := uint64(d.Sector)
	if !d.Whole() {
		return []place{{0, "the disk"}, {sector, "LBA 1"}}
	}
	t := &d.Primary
	if !t.Whole {
		t = &d.Backup
	}
	var out []place
	gap := func(lba uint64, name string) {
		taken := slices.ContainsFunc(d.Partitions, func(p Partition) bool { return p.First <= lba && lba <= p.Last })
		if !taken && lba <= t.LastUsable && lba <= d.last() && len(out) < maxPlaces {
			out = append(out, place{lba * sector, name})
		}
	}
	gap(t.FirstUsable, "the gap before the partitions")
	for _, p := range d.Partitions {
		if p.First <= d.last() && len(out) < maxPlaces {
			out = append(out, place{p.First * sector, fmt.Sprintf("partition %d", p.Number)})
		}
		if p.Last < d.last() {
			gap(p.Last+1, fmt.Sprintf("the gap behind partition %d", p.Number))
		}
	}
	return out
}
