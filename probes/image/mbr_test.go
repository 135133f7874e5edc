package image

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"vmspec/probes/image/imagetest"
)

// sourceOf is a disk of those bytes.
func sourceOf(b []byte) *source {
	return &source{r: bytes.NewReader(b), size: int64(len(b)), left: budget}
}

// mbrOf is a boot record with partitions of a type, start and size.
func mbrOf(partitions ...[3]byte) []byte {
	b := make([]byte, mbrSize)
	for n, p := range partitions {
		e := b[mbrPartitions+n*mbrEntrySize:]
		e[mbrType], e[mbrStart], e[mbrCount] = p[0], p[1], p[2]
	}
	b[mbrSignature], b[mbrSignature+1] = 0x55, 0xaa
	return b
}

func with(b []byte, at int, to ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[at:], to)
	return b
}

// fatSector is the beginning of a FAT file system.
var fatSector = with(with(mbrOf(), 0, 0xeb, 0x58, 0x90), 11, 0, 2, 1)

func TestReadMBR(t *testing.T) {
	const last = 99
	good := mbrOf([3]byte{0xee, 1, last})
	for name, c := range map[string]struct {
		disk  []byte
		kind  MBRKind
		wrong []string
		notes []string
	}{
		"protective":              {good, Protective, nil, nil},
		"a disk of half a sector": {good[:256], NoMBR, []string{"512 bytes at byte 0 are behind the end of the disk, 256"}, nil},
		"no signature":            {with(good, 510, 0), NoMBR, []string{"no MBR: the first sector ends in 00 aa, not 55 aa"}, nil},
		"no partition":            {mbrOf(), NoMBR, []string{"the MBR has no partition"}, nil},
		"others alone":            {mbrOf([3]byte{0x83, 1, 9}, [3]byte{0xc, 10, 9}), Ordinary, []string{"no partition of the MBR is of type 0xEE, but of [0x83 0x0c]"}, nil},
		"another beside":          {mbrOf([3]byte{0xee, 1, 9}, [3]byte{0xef, 10, 9}), Hybrid, nil, []string{"a hybrid MBR, with partitions of type [0xef] too"}},
		"another beside, that protects nothing": {mbrOf([3]byte{0xee, 2, 9}, [3]byte{0xef, 10, 9}), Hybrid,
			[]string{"the partition of type 0xEE begins at LBA 2, not at 1"}, []string{"a hybrid MBR, with partitions of type [0xef] too"}},
		"two that protect":              {mbrOf([3]byte{0xee, 1, last}, [3]byte{0xee, 1, last}), Protective, []string{"two partitions of type 0xEE"}, nil},
		"one that begins at 0":          {mbrOf([3]byte{0xee, 0, last}), Protective, []string{"the partition of type 0xEE begins at LBA 0, not at 1"}, nil},
		"one that is too short":         {mbrOf([3]byte{0xee, 1, 98}), Protective, []string{"the partition of type 0xEE has 98 sectors, the disk 99 behind the MBR"}, nil},
		"one that can be started":       {with(good, mbrPartitions, 0x80), Protective, nil, []string{"its boot indicator is 0x80"}},
		"one that is as long as can be": {with(good, mbrPartitions+mbrCount, 0xff, 0xff, 0xff, 0xff), Protective, nil, []string{"its size is 0xffffffff, for a smaller disk"}},
		"a file system":                 {fatSector, NoMBR, []string{"no MBR: the disk begins with a FAT boot sector"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := readMBR(sourceOf(c.disk), last)
			got.Others = nil
			require.Equal(t, MBR{Seen: Seen{Wrong: c.wrong}, Kind: c.kind, Notes: c.notes}, got)
		})
	}
}

// A disk of more than 2 TiB is protected as far as 32 bits go.
func TestReadMBROfALargeDisk(t *testing.T) {
	disk := with(mbrOf([3]byte{0xee, 1}), mbrPartitions+mbrCount, 0xff, 0xff, 0xff, 0xff)
	require.Equal(t, MBR{Kind: Protective}, readMBR(sourceOf(disk), 1<<33))
}

func TestRecognise(t *testing.T) {
	for _, k := range beginnings {
		b := make([]byte, BeginningSize)
		copy(b[k.at:], k.magic)
		require.Equal(t, k.is, Recognise(b))
		require.NotEqual(t, k.is, Recognise(b[:k.at+len(k.magic)-1]), "cut")
	}
	for name, c := range map[string]struct {
		begins []byte
		want   string
	}{
		"FAT":                   {fatSector, "a FAT file system"},
		"zeroes":                {make([]byte, 512), "zeroes"},
		"text":                  {[]byte("a\tb\r\nc\n"), "text"},
		"what is not known":     {[]byte{1, 2, 3}, ""},
		"UTF-8 that is not any": {[]byte("a\xffb"), ""},
	} {
		require.Equal(t, c.want, Recognise(c.begins), name)
	}
	require.Empty(t, beginning(sourceOf(nil)), "an empty disk")
	require.Equal(t, "text", beginning(sourceOf([]byte("text"))), "a disk that is smaller than a sector")
}

func TestIsFAT(t *testing.T) {
	require.True(t, isFAT(fatSector))
	require.True(t, isFAT(with(fatSector, 0, 0xe9, 0, 0)), "the other jump")
	for fault, b := range map[string][]byte{
		"no signature":                    with(fatSector, 511, 0),
		"no jump":                         with(fatSector, 0, 0),
		"half a jump":                     with(fatSector, 2, 0),
		"sectors of 256 bytes":            with(fatSector, 11, 0, 1),
		"sectors of 8192 bytes":           with(fatSector, 11, 0, 32),
		"sectors of 513 bytes":            with(fatSector, 11, 1, 2),
		"clusters of no sector":           with(fatSector, 13, 0),
		"clusters of three sectors":       with(fatSector, 13, 3),
		"sectors and clusters of nothing": with(fatSector, 11, 0, 0, 0),
	} {
		require.False(t, isFAT(b), fault)
	}
}

// A disk without a GPT has what UEFI starts in its MBR's ESP, or is a file system.
func TestBare(t *testing.T) {
	spec := imagetest.Good()
	i := imagetest.New(spec)
	fat := i.Get(i.First[0], 40<<20)
	b := make([]byte, len(fat)+4096)
	copy(b[4096:], fat)
	copy(b, with(mbrOf([3]byte{0x83, 1, 1}, [3]byte{TypeESP, 8}), 440, 0x78, 0x56, 0x34, 0x12))
	binary.LittleEndian.PutUint32(b[446+16+12:], uint32(len(fat)/512))
	iso := make([]byte, 40<<10)
	copy(iso[isoAt:], isoMagic)
	for name, c := range map[string]struct {
		b             []byte
		bare          int
		begins        string
		mayBoot, boot bool
	}{
		"an MBR with an ESP": {b, 1, "", true, true},
		"a file system":      {fat, 1, FAT, true, true},
		"an optical medium":  {iso, 0, ISO, true, true},
		"an MBR without":     {with(b, 446+16+4, 0x83), 0, "", false, false},
		"nothing in the ESP": {with(b, 4096, make([]byte, 512)...), 1, "", true, false},
		"zeroes":             {make([]byte, 40<<10), 0, "zeroes", false, false},
	} {
		r := bytes.NewReader(c.b)
		d := Inspect(r, r.Size(), Options{})
		require.Equal(t, c.begins, d.Begins, name)
		require.Len(t, d.Bare, c.bare, name)
		require.Equal(t, c.mayBoot, d.MayBoot(), name)
		require.Equal(t, c.mayBoot, ReadTables(r, r.Size(), 0).MayBoot(), name)
		require.Equal(t, c.boot, d.Starts("arm64"), name)
	}
	d := Inspect(bytes.NewReader(b), int64(len(b)), Options{})
	require.EqualValues(t, 0x12345678, d.MBR.Signature)
	require.Equal(t, []Slice{{1, 0x83, 1, 1}, {2, TypeESP, 8, uint32(len(fat) / 512)}}, d.MBR.Others)
	d = Inspect(i, i.Size, Options{})
	require.True(t, d.MayBoot() && d.Starts("arm64"))
	require.Empty(t, d.Bare)
}
