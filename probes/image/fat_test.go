package image

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/image/imagetest"
)

// A bpb is what a boot sector says, as far as it is read.
type bpb struct {
	perCluster, tables              byte
	reserved, entries, total16, fat uint16
	total, fat32, root              uint32
	version                         uint16
}

func (p bpb) sector() []byte {
	b := bytes.Clone(fatSector)
	le := binary.LittleEndian
	b[13], b[16] = p.perCluster, p.tables
	le.PutUint16(b[14:], p.reserved)
	le.PutUint16(b[17:], p.entries)
	le.PutUint16(b[19:], p.total16)
	le.PutUint16(b[22:], p.fat)
	le.PutUint32(b[32:], p.total)
	if p.fat == 0 {
		le.PutUint32(b[36:], p.fat32)
		le.PutUint16(b[42:], p.version)
		le.PutUint32(b[44:], p.root)
	}
	return b
}

// parsed is what comes of a boot sector in a partition of so many bytes.
func parsed(p bpb, length uint64) (fs FileSystem, f *fat) {
	b := p.sector()
	f = readFAT(sourceOf(b), 0, length, &fs)
	return fs, f
}

// Of one sector each: clusters and tables.
func fat12() bpb {
	return bpb{perCluster: 1, tables: 2, reserved: 1, entries: 16, total16: 1 + 2 + 1 + 300, fat: 1}
}
func fat16() bpb {
	return bpb{perCluster: 1, tables: 1, reserved: 1, entries: 16, total16: 1 + 16 + 1 + 4085, fat: 16}
}
func fat32() bpb {
	return bpb{perCluster: 1, tables: 2, reserved: 32, fat32: 512, total: 32 + 2*512 + 65525, root: 2}
}

func TestReadFAT(t *testing.T) {
	for name, c := range map[string]struct {
		bpb  bpb
		want FileSystem
	}{
		"FAT12":                   {fat12(), FileSystem{Kind: "FAT12", Clusters: 300, Sector: 512}},
		"FAT16":                   {fat16(), FileSystem{Kind: "FAT16", Clusters: 4085, Sector: 512}},
		"FAT32":                   {fat32(), FileSystem{Kind: "FAT32", Clusters: 65525, Sector: 512}},
		"the most that FAT12 has": {bpb{perCluster: 1, tables: 1, reserved: 1, entries: 16, total16: 1 + 12 + 1 + 4084, fat: 12}, FileSystem{Kind: "FAT12", Clusters: 4084, Sector: 512}},
		"FAT32 of too few":        {bpb{perCluster: 1, tables: 1, reserved: 1, fat32: 512, total: 1 + 512 + 65524, root: 2}, FileSystem{Kind: "FAT16", Laid: "FAT32", Clusters: 65524, Sector: 512}},
	} {
		fs, f := parsed(c.bpb, 1<<30)
		require.NotNil(t, f, name)
		require.Equal(t, c.want, fs, name)
	}
}

func TestReadFATFaults(t *testing.T) {
	for fault, c := range map[string]struct {
		of     func() bpb
		change func(p *bpb)
		want   string
		reads  bool // all the same
	}{
		"no reserved sector":           {fat32, func(p *bpb) { p.reserved = 0 }, "0 reserved sectors and 2 tables of 512 sectors", false},
		"no table":                     {fat32, func(p *bpb) { p.tables = 0 }, "32 reserved sectors and 0 tables", false},
		"tables of nothing":            {fat32, func(p *bpb) { p.fat32 = 0 }, "2 tables of 0 sectors", false},
		"tables larger than the rest":  {fat32, func(p *bpb) { p.fat32 = 1<<32 - 1 }, "66581 sectors, of which 8589934622 lie before the clusters", false},
		"no cluster":                   {fat32, func(p *bpb) { p.perCluster, p.total = 128, 32+1024+127 }, "0 clusters", false},
		"more clusters than there are": {fat32, func(p *bpb) { p.total = 1<<32 - 1 }, "4294966239 clusters", false},
		"a table that is too short":    {fat32, func(p *bpb) { p.fat32 = 511 }, "a table of 261632 bytes for 65527 clusters", false},
		"FAT16 of too many clusters":   {fat16, func(p *bpb) { p.total16, p.total, p.fat = 0, 70000, 600 }, "FAT32 by its clusters, but laid out as FAT16", false},
		"FAT16 without a root":         {fat16, func(p *bpb) { p.entries = 0 }, "a FAT12 or FAT16 without a root directory", false},
		"a root at cluster 1":          {fat32, func(p *bpb) { p.root = 1 }, "the root directory is at cluster 1 of 65525", false},
		"a root behind the clusters":   {fat32, func(p *bpb) { p.root = 65527 }, "the root directory is at cluster 65527 of 65525", false},
		"FAT32 with FAT16's root":      {fat32, func(p *bpb) { p.entries = 16; p.total++ }, "FAT32 with a root directory of 16 entries before its clusters", true},
		"a later version":              {fat32, func(p *bpb) { p.version = 1 }, "FAT32 of version 0x1", true},
	} {
		p := c.of()
		c.change(&p)
		fs, f := parsed(p, 1<<30)
		require.Equal(t, c.reads, f != nil, fault)
		require.Contains(t, fmt.Sprint(fs.Wrong), c.want, fault)
		require.Empty(t, fs.Unread, fault)
	}
	fs, f := parsed(fat32(), 66581*512-1)
	require.NotNil(t, f)
	require.Equal(t, []string{"it has 34089472 bytes, and its partition 34089471"}, fs.Wrong)
}

// What a partition holds instead is said.
func TestReadFATOfAnother(t *testing.T) {
	var fs FileSystem
	require.Nil(t, readFAT(sourceOf(append([]byte("NTFS"), make([]byte, 600)...)), 0, 512, &fs))
	require.Equal(t, FileSystem{Seen: Seen{Wrong: []string{"the partition holds no FAT file system"}}}, fs)
	fs = FileSystem{}
	require.Nil(t, readFAT(sourceOf(with(make([]byte, 600), 3, []byte("NTFS    ")...)), 0, 512, &fs))
	require.Equal(t, "an NTFS file system", fs.Holds)
	fs = FileSystem{}
	require.Nil(t, readFAT(sourceOf(make([]byte, 600)), 512, 512, &fs))
	require.Equal(t, []string{"512 bytes at byte 512 are behind the end of the disk, 600"}, fs.Wrong)
}

// A file system's sectors need not be as large as its disk's.
func TestReadFATOfOtherSectors(t *testing.T) {
	large := with(bpb{perCluster: 1, tables: 1, reserved: 1, entries: 128, total16: 1 + 1 + 1 + 300, fat: 1}.sector(), 11, 0, 16)
	var fs FileSystem
	require.NotNil(t, readFAT(sourceOf(large), 0, 1<<30, &fs))
	require.Equal(t, FileSystem{Kind: "FAT12", Clusters: 300, Sector: 4096}, fs)
}

// volume is a FAT12 in memory, whose clusters' values are given from 2 on.
func volume12(values ...uint16) *fat {
	table := make([]byte, 512)
	for n, v := range values {
		at := (n + 2) * 3 / 2
		old := binary.LittleEndian.Uint16(table[at:])
		if n%2 == 0 {
			old = old&0xf000 | v&0xfff
		} else {
			old = old&0xf | v<<4
		}
		binary.LittleEndian.PutUint16(table[at:], old)
	}
	data := make([]byte, len(values)*512)
	for n := range values {
		copy(data[n*512:], bytes.Repeat([]byte{byte('a' + n)}, 512))
	}
	return &fat{s: sourceOf(append(table, data...)), bits: 12, clusters: uint32(len(values)), cluster: 512, data: 512, sector: 512}
}

func TestNext(t *testing.T) {
	f := volume12(3, 0xfff, 0xff8, 2, 0, 0xff7, 99)
	for cluster, want := range map[uint32]uint32{2: 3, 3: 0, 4: 0, 5: 2} {
		got, err := f.next(cluster)
		require.NoError(t, err)
		require.Equal(t, want, got, cluster)
	}
	for cluster, want := range map[uint32]string{
		6: "behind cluster 6 comes 0x0, which is none",
		7: "behind cluster 7 comes 0xff7, which is none",
		8: "behind cluster 8 comes 0x63, which is none",
	} {
		_, err := f.next(cluster)
		require.EqualError(t, err, want)
	}
	wide := &fat{s: sourceOf(with(make([]byte, 512), 8, 0xf8, 0xff, 0xff, 0xff, 2, 0, 0, 0xf0)), bits: 32, clusters: 9, sector: 512}
	end, err := wide.next(2)
	require.NoError(t, err)
	require.Zero(t, end)
	two, err := wide.next(3)
	require.NoError(t, err)
	require.EqualValues(t, 2, two, "the upper four bits are reserved")
	_, err = (&fat{s: sourceOf(nil), bits: 16, clusters: 9, sector: 512}).next(2)
	require.ErrorContains(t, err, "file allocation table: 512 bytes at byte 0 are behind the end")
}

func TestFollow(t *testing.T) {
	for name, c := range map[string]struct {
		values []uint16
		first  uint32
		size   uint32
		want   string
	}{
		"empty":                {[]uint16{0}, 0, 0, ""},
		"one cluster":          {[]uint16{0xfff}, 2, 512, ""},
		"two, the first last":  {[]uint16{0xfff, 2}, 3, 513, ""},
		"no cluster":           {[]uint16{0xfff}, 0, 1, "it begins at cluster 0 of 1"},
		"a cluster behind all": {[]uint16{0xfff}, 3, 1, "it begins at cluster 3 of 1"},
		"larger than all":      {[]uint16{0xfff}, 2, 513, "it claims 513 bytes of a file system of 512"},
		"too short":            {[]uint16{3, 0xfff, 0}, 2, 1025, "its chain of clusters is too short for 1025 bytes by 1"},
		"too long":             {[]uint16{3, 0xfff}, 2, 512, "its chain of clusters does not end after 512 bytes: it is too long, or a circle"},
		"a circle":             {[]uint16{3, 2}, 2, 1024, "it is too long, or a circle"},
		"to a free cluster":    {[]uint16{3, 0}, 2, 1024, "behind cluster 3 comes 0x0, which is none"},
	} {
		err := volume12(c.values...).follow(c.first, c.size)
		if c.want == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, c.want, name)
	}
}

func TestReadOfAFile(t *testing.T) {
	f := volume12(4, 0xfff, 3) // a, c, b
	b, err := f.read(2, 1300, 510, 600)
	require.NoError(t, err)
	require.Equal(t, "aa"+strings.Repeat("c", 512)+strings.Repeat("b", 86), string(b))
	for fault, c := range map[string]struct {
		first, size uint32
		at          uint64
		n           int
		want        string
	}{
		"behind its size":      {2, 1300, 1200, 101, "101 bytes at byte 1200 of a file of 1300"},
		"a chain that ends":    {4, 1300, 0, 1100, "its chain of clusters is too short"},
		"a chain that ended":   {4, 1300, 1100, 1, "its chain of clusters is too short"},
		"a file that has none": {0, 1300, 0, 1, "it begins at cluster 0"},
	} {
		_, err := f.read(c.first, c.size, c.at, c.n)
		require.ErrorContains(t, err, c.want, fault)
	}
}

// entryOf is a directory's entry of a short name.
func entryOf(name string, attributes byte, first, size uint32) []byte {
	e := make([]byte, dirEntrySize)
	copy(e, name)
	e[11] = attributes
	binary.LittleEndian.PutUint16(e[20:], uint16(first>>16))
	binary.LittleEndian.PutUint16(e[26:], uint16(first))
	binary.LittleEndian.PutUint32(e[28:], size)
	return e
}

// part is a part of a long name.
func part(number, sum byte, text string) []byte {
	e := make([]byte, dirEntrySize)
	e[0], e[11], e[13] = number, attrLongName, sum
	for n, at := range []int{1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30}[:len(text)] {
		e[at] = text[n]
	}
	return e
}

func TestDirectories(t *testing.T) {
	short := entryOf("LONG~1  TXT", 0x20, 0x30002, 7)
	sum := shortSum(short)
	named := func(long string) []dirEntry {
		return []dirEntry{{long: long, short: "LONG~1.TXT", first: 0x30002, size: 7}}
	}
	for name, c := range map[string]struct {
		entries [][]byte
		want    []dirEntry
	}{
		"empty":                        {nil, nil},
		"a short name":                 {[][]byte{short}, named("")},
		"a long name":                  {[][]byte{part(0x41, sum, "a long.txt"), short}, named("a long.txt")},
		"a long name in two parts":     {[][]byte{part(0x42, sum, "d.txt"), part(1, sum, "a longer name"), short}, named("a longer named.txt")},
		"the label, and what is above": {[][]byte{entryOf("VMSPEC     ", attrVolume, 0, 0), entryOf(".          ", attrDirectory, 3, 0), entryOf("..         ", attrDirectory, 0, 0)}, nil},
		"a directory":                  {[][]byte{entryOf("EFI        ", attrDirectory, 3, 0)}, []dirEntry{{short: "EFI", directory: true, first: 3}}},
		"a file that was deleted":      {[][]byte{with(short, 0, 0xe5)}, nil},
		"behind the end":               {[][]byte{make([]byte, dirEntrySize), short}, nil},
		"a long name of another":       {[][]byte{part(0x41, sum+1, "a long.txt"), short}, named("")},
		"a part of another":            {[][]byte{part(0x42, sum, "d.txt"), part(1, sum+1, "a longer name"), short}, named("")},
		"a part that is missing":       {[][]byte{part(0x42, sum, "d.txt"), short}, named("")},
		"a part twice":                 {[][]byte{part(0x42, sum, "d.txt"), part(2, sum, "d.txt"), short}, named("")},
		"a part without the last":      {[][]byte{part(1, sum, "a longer name"), short}, named("")},
		"a part too many":              {[][]byte{part(0x41, sum, "d.txt"), part(2, sum, "a longer name"), short}, named("")},
		"part 0":                       {[][]byte{part(0x40, sum, "d.txt"), short}, named("")},
		"63 parts":                     {[][]byte{part(0x7f, sum, "d.txt"), short}, named("")},
		"a name before a label":        {[][]byte{part(0x41, sum, "a long.txt"), entryOf("VMSPEC     ", attrVolume, 0, 0), short}, named("")},
		"a name before a deleted file": {[][]byte{part(0x41, sum, "a long.txt"), with(short, 0, 0xe5), short}, named("")},
		"a name is one file's":         {[][]byte{part(0x41, sum, "a long.txt"), short, short}, append(named("a long.txt"), named("")...)},
	} {
		t.Run(name, func(t *testing.T) {
			d := dirReader{wide: true}
			d.parse(bytes.Join(c.entries, nil))
			require.Equal(t, c.want, d.entries)
		})
	}
	narrow := dirReader{}
	narrow.parse(short)
	require.EqualValues(t, 2, narrow.entries[0].first, "a FAT16 has no upper half")
}

func TestList(t *testing.T) {
	names := func(n int) []byte { return bytes.Repeat(entryOf("A          ", 0x20, 2, 1), n) }
	for name, c := range map[string]struct {
		values  []uint16
		first   uint32
		full    int // clusters without an end
		entries int
		want    string
	}{
		"one cluster":            {[]uint16{0xfff}, 2, 0, 0, ""},
		"two clusters":           {[]uint16{3, 0xfff}, 2, 1, 16, ""},
		"no end but the chain's": {[]uint16{3, 0xfff}, 2, 2, 32, ""},
		"no cluster":             {[]uint16{0xfff}, 9, 0, 0, "it begins at cluster 9 of 1"},
		"a circle":               {[]uint16{3, 2}, 2, 2, 32, "its chain of clusters goes in a circle, at cluster 2"},
		"to no cluster":          {[]uint16{99}, 2, 1, 16, "behind cluster 2 comes 0x63, which is none"},
	} {
		f := volume12(c.values...)
		b := make([]byte, 512*(1+len(c.values)))
		_, err := f.s.r.ReadAt(b[:512], 0)
		require.NoError(t, err)
		for n := range c.full {
			copy(b[512*(n+1):], names(16))
		}
		f.s = sourceOf(b)
		entries, err := f.list(c.first)
		require.Len(t, entries, c.entries, name)
		if c.want == "" {
			require.NoError(t, err, name)
			continue
		}
		require.EqualError(t, err, c.want, name)
	}
}

// A directory is read up to 65,536 entries.
func TestListIsBounded(t *testing.T) {
	values := make([]uint16, 200)
	for n := range values {
		values[n] = uint16(n + 3)
	}
	f := volume12(values...)
	f.cluster = 16 << 10
	f.s = &source{r: endless{f.s.r}, size: 1 << 30, left: followBudget}
	entries, err := f.list(2)
	require.EqualError(t, err, "it is larger than 2097152 bytes")
	require.Len(t, entries, 65536)
}

// endless is a disk with a table whose clusters are full of names.
type endless struct {
	table interface {
		ReadAt([]byte, int64) (int, error)
	}
}

func (e endless) ReadAt(b []byte, at int64) (int, error) {
	if at < 512 {
		return e.table.ReadAt(b, at)
	}
	copy(b, bytes.Repeat(entryOf("A          ", 0x20, 2, 1), len(b)/dirEntrySize+1))
	return len(b), nil
}

func TestShortName(t *testing.T) {
	for raw, want := range map[string]string{
		"A       TXT": "A.TXT", "ABCDEFGHTXT": "ABCDEFGH.TXT", "A          ": "A", "A B     C  ": "A B.C", "           ": "", "        TXT": ".TXT",
	} {
		require.Equal(t, want, shortName([]byte(raw)), raw)
	}
}

// FuzzParseFAT gives a file system any boot sector, table and directory.
func FuzzParseFAT(f *testing.F) {
	for _, p := range []bpb{fat12(), fat16(), fat32()} {
		f.Add(append(p.sector(), make([]byte, 2048)...))
	}
	i := imagetest.New(imagetest.Good())
	f.Add(i.Get(i.First[0], 1<<16))
	f.Fuzz(func(t *testing.T, data []byte) {
		var fs FileSystem
		s := sourceOf(data)
		v := readFAT(s, 0, uint64(len(data)), &fs)
		require.True(t, v != nil || !fs.Sound())
		if v == nil {
			return
		}
		require.True(t, v.rootAt == 0 || v.has(v.rootAt))
		require.True(t, fs.Kind != "")
		entries, _ := v.list(0)
		for _, e := range entries {
			_ = v.follow(e.first, e.size)
			_, _ = v.read(e.first, e.size, 0, min(int(e.size), 64))
		}
	})
}
