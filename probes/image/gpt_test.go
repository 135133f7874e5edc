package image

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/image/imagetest"
)

// tablesOf reads the partition tables of a good disk that was changed.
func tablesOf(i *imagetest.Image) *Disk { return ReadTables(i, i.Size, i.Sector) }

func TestTables(t *testing.T) {
	for _, sector := range []int{512, 4096} {
		spec := imagetest.Good()
		spec.Sector = sector
		i := imagetest.New(spec)
		for _, d := range []*Disk{tablesOf(i), ReadTables(i, i.Size, 0)} {
			last := uint64(i.Size)/uint64(sector) - 1
			require.Equal(t, sector, d.Sector)
			require.True(t, d.Primary.Whole && d.Backup.Whole && d.Whole())
			require.True(t, d.Primary.Sound() && d.Backup.Sound() && d.Layout.Sound(), d)
			require.EqualValues(t, 1, d.Primary.MyLBA)
			require.Equal(t, last, d.Primary.Alternate)
			require.Equal(t, last, d.Backup.MyLBA)
			require.EqualValues(t, 128, d.Primary.Entries)
			first := uint64(1<<20) / uint64(sector)
			require.Equal(t, []Partition{{Number: 1, Type: ESPType, Unique: "AAAAAAAA-BBBB-CCCC-DDDD-000000000001",
				First: first, Last: first + i.FS[0].Sectors - 1, Name: "EFI system partition"}}, d.Partitions)
		}
	}
}

func le64(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

// A change to a header says what is wrong with it, and the other copy stands.
func TestHeaderFaults(t *testing.T) {
	for fault, c := range map[string]struct {
		at   int64
		to   []byte
		want string
	}{
		"another signature":        {0, []byte("EFI PARt"), "no header at LBA"},
		"version 2":                {10, []byte{2}, "the header's revision is 0x20000, not 0x10000"},
		"a header of 91 bytes":     {12, []byte{91}, "the header's size is 91, not from 92 to 512"},
		"a header of 513 bytes":    {12, []byte{1, 2}, "the header's size is 513, not from 92 to 512"},
		"one that is elsewhere":    {24, le64(7), "says that it is at 7"},
		"entries of 64 bytes":      {84, []byte{64}, "an entry has 64 bytes, not 128 times a power of two"},
		"entries of 192 bytes":     {84, []byte{192}, "an entry has 192 bytes"},
		"entries before the table": {72, le64(1), "128 entries of 128 bytes at LBA 1 are not on the disk"},
		"entries behind the disk":  {72, le64(math.MaxUint64), "are not on the disk"},
		"entries across the end":   {80, []byte{0, 0, 0, 1}, "16777216 entries of 128 bytes"},
		"another table":            {88, []byte{1, 2, 3, 4}, "and the header says 0x04030201"},
	} {
		for _, backup := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, backup %t", fault, backup), func(t *testing.T) {
				i := imagetest.New(imagetest.Good())
				i.Put(i.Header(backup)+c.at, c.to...)
				if c.at != 12 { // else the checksum is of another stretch
					i.SealHeader(backup)
				}
				d := tablesOf(i)
				bad, good := &d.Primary, &d.Backup
				if backup {
					bad, good = good, bad
				}
				require.False(t, bad.Whole)
				require.Empty(t, bad.Unread)
				require.Contains(t, fmt.Sprint(bad.Wrong), c.want)
				require.True(t, good.Whole)
				require.Len(t, d.Partitions, 1, "the other copy stands")
			})
		}
	}
}

// What is allowed and more than is looked at is no fault of the disk.
func TestTablesBounds(t *testing.T) {
	i := imagetest.New(imagetest.Good())
	i.Put32(i.Header(false)+80, maxEntriesSize/128+1)
	i.SealHeader(false)
	i.Put64(i.Header(false)+40, 1<<20) // usable only behind them
	i.SealHeader(false)
	d := tablesOf(i)
	require.Empty(t, d.Primary.Wrong)
	require.Equal(t, "1048704 bytes of entries, of which at most 1048576 are read", d.Primary.Unread)

	var table Table
	table.EntrySize = gptEntrySize
	require.EqualError(t, table.parseEntries(bytes.Repeat([]byte{1}, (maxPartitions+1)*gptEntrySize)), "more than 1024 partitions")
	require.Len(t, table.partitions, maxPartitions)
}

// Copies that are whole and do not agree.
func TestCopiesFaults(t *testing.T) {
	for fault, c := range map[string]struct {
		at   int64
		to   []byte
		want string
	}{
		"another first LBA":       {40, le64(40), "the copies do not agree in the first usable LBA: 40, and in the primary 34"},
		"another last LBA":        {48, le64(99), "the copies do not agree in the last usable LBA: 99"},
		"another disk":            {56, []byte{9}, "the copies do not agree in the disk's GUID"},
		"another primary":         {32, le64(2), "the backup header says that the other is at LBA 2"},
		"usable up to its header": {48, le64(math.MaxInt64), "the backup's entries are at LBA"},
	} {
		i := imagetest.New(imagetest.Good())
		i.Put(i.Header(true)+c.at, c.to...)
		i.SealHeader(true)
		d := tablesOf(i)
		require.True(t, d.Backup.Whole, fault)
		require.Contains(t, fmt.Sprint(d.Backup.Wrong), c.want, fault)
		require.True(t, d.Primary.Sound(), fault)
	}
}

// A disk that was made larger has its backup where the primary says, whatever lies
// at its end; and one that was made smaller lacks what the primary says.
func TestBackupIsLookedFor(t *testing.T) {
	good := imagetest.New(imagetest.Good())
	last := good.Size/512 - 1
	for name, c := range map[string]struct {
		change           func(i *imagetest.Image)
		at               int64 // where a backup is, or was looked for
		grown, cut, odd  int64
		wrong            string
		protected, whole bool
	}{
		"as it was made": {func(*imagetest.Image) {}, last, 0, 0, 0, "", true, true},
		"grown":          {func(i *imagetest.Image) { i.Size += 1 << 20 }, last, 1 << 20, 0, 0, "", true, true},
		"grown, and its old end behind it": {func(i *imagetest.Image) {
			i.Put(i.Size+1<<20-512, i.Get(i.Header(true), 512)...)
			i.Size += 1 << 20
		}, last, 1 << 20, 0, 0, "", true, true},
		"grown, and broken before": {func(i *imagetest.Image) {
			i.Put(i.Header(true)+16, 0)
			i.Size += 1 << 20
		}, last, 0, 0, 0, "the header's CRC is", false, false},
		"grown, and primary entries broken": {func(i *imagetest.Image) {
			i.Put(i.Entry(false, 0)+56, 'X')
			i.Size += 1 << 20
		}, last, 1 << 20, 0, 0, "", true, true},
		"grown, and its MBR with it": {func(i *imagetest.Image) {
			i.Size += 1 << 20
			i.Put32(458, uint32(i.Size/512-1))
		}, last, 1 << 20, 0, 0, "", true, true},
		"grown by 100 bytes":     {func(i *imagetest.Image) { i.Size += 100 }, last, 0, 0, 100, "", true, true},
		"cut by 100 bytes":       {func(i *imagetest.Image) { i.Size -= 100 }, last - 1, 0, 100, 412, "no header at LBA", true, false},
		"cut by 1 MiB":           {func(i *imagetest.Image) { i.Size -= 1 << 20 }, last - 2048, 0, 1 << 20, 0, "no header at LBA", true, false},
		"cut within the entries": {func(i *imagetest.Image) { i.Size = 4096 }, 7, 0, (last+1)*512 - 4096, 0, "no header at LBA 7", true, false},
		"it names itself": {func(i *imagetest.Image) {
			i.Size += 1 << 20
			i.Put(i.Header(false)+32, le64(1)...)
			i.Put(512+32, le64(1)...)
			i.SealHeader(false)
		}, last + 2048, 0, 0, 0, "no header at LBA", false, false},
		"it names what no disk has": {func(i *imagetest.Image) {
			i.Put(i.Header(true), make([]byte, 512)...)
			i.Put(512+32, le64(math.MaxUint64)...)
			i.SealHeader(false)
		}, last, 0, 0, 0, "no header at LBA", true, false},
	} {
		i := imagetest.New(imagetest.Good())
		c.change(i)
		d := tablesOf(i)
		require.EqualValues(t, c.at, d.Backup.At, name)
		require.Equal(t, []int64{c.grown, c.cut, c.odd}, []int64{d.Grown, d.Cut, d.Odd}, name)
		require.Contains(t, fmt.Sprint(d.Backup.Wrong), c.wrong, name)
		require.Equal(t, c.whole, d.Backup.Whole, name)
		require.Equal(t, c.protected, d.MBR.Sound(), "%s: %v", name, d.MBR)
		if c.cut > 0 {
			require.Empty(t, d.Layout.Wrong, name)
		}
	}
}

func TestLayout(t *testing.T) {
	const last = 9999
	good := func() *Table {
		return &Table{FirstUsable: 34, LastUsable: 9966, partitions: []Partition{
			{Number: 1, Unique: "A", First: 2048, Last: 3000}, {Number: 2, Unique: "B", First: 3001, Last: 4000}}}
	}
	for fault, c := range map[string]struct {
		change func(t *Table)
		want   []string
	}{
		"none":                         {func(*Table) {}, nil},
		"no room for entries":          {func(t *Table) { t.FirstUsable = 33 }, []string{"LBAs are usable from 33 on, and 16384 bytes are kept for entries up to 34"}},
		"no room for a backup":         {func(t *Table) { t.LastUsable = last }, []string{"LBAs are usable up to 9999, and the disk's last is 9999"}},
		"partitions that overlap":      {func(t *Table) { t.partitions[1].First = 3000 }, []string{"partitions 1 and 2 overlap"}},
		"a partition in another":       {func(t *Table) { t.partitions[0].Last = 5000 }, []string{"partitions 1 and 2 overlap"}},
		"one unique GUID":              {func(t *Table) { t.partitions[1].Unique = "A" }, []string{"partitions 1 and 2 have one unique GUID"}},
		"a partition that ends before": {func(t *Table) { t.partitions[1].Last = 3000 }, []string{"partition 2 ends at LBA 3000, before its beginning at 3001"}},
		"one before the usable LBAs":   {func(t *Table) { t.partitions[0].First = 33 }, []string{"partition 1, LBA 33 to 3000, is not within the usable LBAs 34 to 9966"}},
		"one behind the usable LBAs":   {func(t *Table) { t.partitions[1].Last = 9967 }, []string{"partition 2, LBA 3001 to 9967, is not within the usable LBAs 34 to 9966"}},
	} {
		table := good()
		c.change(table)
		require.Equal(t, Seen{Wrong: c.want}, layout(table, 512, last), fault)
	}
}

func TestPartitionBytes(t *testing.T) {
	for name, c := range map[string]struct {
		p            Partition
		base, length uint64
		err          string
	}{
		"on the disk":           {Partition{First: 2, Last: 3}, 1024, 1024, ""},
		"the last sector":       {Partition{First: 9, Last: 9}, 4608, 512, ""},
		"behind the disk's end": {Partition{First: 8, Last: 19}, 4096, 6144, ""},
		"without an end":        {Partition{First: 8, Last: math.MaxUint64}, 4096, (maxLBA - 7) * 512, ""},
		"behind the disk":       {Partition{First: 10, Last: 11}, 0, 0, "the partition is not on the disk"},
		"ends before it begins": {Partition{First: 3, Last: 2}, 0, 0, "the partition is not on the disk"},
		"as far away as can be": {Partition{First: math.MaxUint64, Last: math.MaxUint64}, 0, 0, "the partition is not on the disk"},
	} {
		base, length, err := c.p.bytes(512, 10*512+511)
		if c.err != "" {
			require.EqualError(t, err, c.err, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, []uint64{c.base, c.length}, []uint64{base, length}, name)
	}
}

// A disk without a table says what it begins with.
func TestBegins(t *testing.T) {
	i := imagetest.New(imagetest.Good())
	other := ReadTables(i, i.Size, 4096)
	require.False(t, other.Whole())
	require.Equal(t, "a partition table for sectors of 512 bytes", other.Begins)
	require.Equal(t, 512, other.TableSector)
	require.Empty(t, other.Partitions)
	for _, backup := range []bool{false, true} {
		i.Put(i.Header(backup), make([]byte, 512)...)
	}
	i.Put(0, []byte("XFSB")...)
	require.Equal(t, "an XFS file system", tablesOf(i).Begins)
}

// Without a primary header the backup tells how large sectors are.
func TestSectorOf(t *testing.T) {
	for _, sector := range []int{512, 4096} {
		spec := imagetest.Good()
		spec.Sector = sector
		i := imagetest.New(spec)
		i.Put(i.Header(false), make([]byte, 512)...)
		require.Equal(t, sector, ReadTables(i, i.Size, 0).Sector)
	}
	require.Equal(t, 512, sectorOf(sourceOf(nil)), "an empty disk")
	require.Equal(t, 512, sectorOf(sourceOf(make([]byte, 8192))), "a disk of zeroes")
}

func TestGUID(t *testing.T) {
	require.Equal(t, ESPType, GUID(imagetest.GUID(ESPType)))
}

func TestText(t *testing.T) {
	for name, c := range map[string]struct{ bytes, want string }{
		"empty":          {"", ""},
		"up to the NUL":  {"a\x00b\x00\x00\x00c\x00", "ab"},
		"up to the end":  {"a\x00b\x00", "ab"},
		"half a unit":    {"a\x00b", "a"},
		"beyond the BMP": {"\x3d\xd8\x00\xde", "😀"},
		"half a pair":    {"\x3d\xd8", "\ufffd"},
	} {
		require.Equal(t, c.want, Text([]byte(c.bytes)), name)
	}
}
