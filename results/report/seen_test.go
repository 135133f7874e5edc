package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSeen(t *testing.T) {
	for line, want := range map[string]*Seen{
		"# vmspec: seen": {Numbers: map[string]uint64{}},
		"# vmspec: seen consoles= disks=": {
			Numbers: map[string]uint64{}, Consoles: []string{}, Disks: []Disk{}},
		"# vmspec: seen cpus=2 memory=512 tpm=0 consoles=pl011,virtio disks=vda:4194304,sda:512": {
			Numbers: map[string]uint64{"cpus": 2, "memory": 512, "tpm": 0}, Consoles: []string{"pl011", "virtio"},
			Disks: []Disk{{"vda", 4194304}, {"sda", 512}}},
	} {
		got, ok, err := parseSeen(line)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, want, got)
		require.Equal(t, line, want.line())
	}
	later, ok, err := parseSeen("# vmspec: seen cpus=2 sound=loud")
	require.True(t, ok)
	require.NoError(t, err)
	require.Equal(t, "# vmspec: seen cpus=2", later.line())
	require.Equal(t, "# vmspec: seen disks=a_b_c_d:1", (&Seen{Disks: []Disk{{"a b,c:d", 1}}}).line())
}

func TestSeenFaults(t *testing.T) {
	for _, line := range []string{"", "# vmspec: seenX cpus=1", "# vmspec: profiles a"} {
		_, ok, err := parseSeen(line)
		require.False(t, ok)
		require.NoError(t, err)
	}
	for _, field := range []string{"cpus=", "cpus=-1", "cpus=x", "cpus", "disks=vda", "disks=vda:", "disks=vda:1,", "memory=99999999999999999999"} {
		_, ok, err := parseSeen("# vmspec: seen " + field)
		require.True(t, ok)
		require.EqualError(t, err, `what its frames say of what the guest saw cannot be read: "`+field+`"`)
	}
}

// The frames carry it, and a reader that does not know it finds the rest.
func TestSeenInFrames(t *testing.T) {
	r := full("a")
	r.Appendix.Seen = &Seen{Numbers: map[string]uint64{"cpus": 2}, Consoles: []string{"pl011"}, Disks: []Disk{}}
	data, err := Unframe(texts(t, r.Frames()))
	require.NoError(t, err)
	again, _, err := Unpack(data)
	require.NoError(t, err)
	require.Equal(t, r.Appendix, again.Appendix)

	lines := r.Appendix.lines()
	require.Equal(t, r.Appendix.Points, ParsePoints(lines))
	for i, line := range lines {
		lines[i] = strings.Replace(line, "cpus=2", "cpus=two", 1)
	}
	_, err = parseAppendix(lines)
	require.ErrorIs(t, err, errSeen)
}

// FuzzSeen: what is read is written as it was, or is of a later version.
func FuzzSeen(f *testing.F) {
	f.Add("# vmspec: seen cpus=2 memory=512 consoles=pl011 disks=vda:4194304,sda:512")
	f.Add("# vmspec: seen disks=")
	f.Fuzz(func(t *testing.T, line string) {
		s, ok, err := parseSeen(line)
		if !ok || err != nil {
			require.Nil(t, s)
			return
		}
		again, ok, err := parseSeen(s.line())
		require.True(t, ok)
		require.NoError(t, err)
		require.Equal(t, s.line(), again.line())
	})
}
