package trial

import (
	"bytes"
	"encoding/hex"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"vmspec/probes/network"
	"vmspec/probes/note"
)

// fakeLink is an interface that has a carrier and an answer after some time;
// with 0 it never has.
type fakeLink struct {
	openErr, upErr, askErr error
	carrier, answer        time.Duration
}

func (f fakeLink) open(closed *int, asks *int) (link, error) {
	var begin, asked time.Time
	return link{
		up:      func() error { begin = time.Now(); return f.upErr },
		carrier: func() bool { return f.carrier > 0 && time.Since(begin) >= f.carrier },
		ask:     func() error { *asks++; asked = time.Now(); return f.askErr },
		offered: func() bool { return f.answer > 0 && time.Since(asked) >= f.answer },
		close:   func() { *closed++ },
	}, f.openErr
}

func TestTryNetwork(t *testing.T) {
	const soon = time.Nanosecond
	tests := map[string]struct {
		links map[string]fakeLink
		want  string
		asks  int
		most  time.Duration
	}{
		"no socket":   {map[string]fakeLink{"eth0": {openErr: syscall.EAFNOSUPPORT}}, "up eth0 EAFNOSUPPORT address family not supported by protocol", 0, 0},
		"not up":      {map[string]fakeLink{"eth0": {upErr: syscall.EPERM}}, "up eth0 EPERM operation not permitted", 0, 0},
		"no carrier":  {map[string]fakeLink{"eth0": {}}, "up eth0 ok; carrier eth0 0", 0, networkMost},
		"cannot send": {map[string]fakeLink{"eth0": {carrier: soon, askErr: syscall.ENOBUFS}}, "up eth0 ok; carrier eth0 1; ask eth0 ENOBUFS no buffer space available", 1, networkPoll},
		"no answer":   {map[string]fakeLink{"eth0": {carrier: soon}}, "up eth0 ok; carrier eth0 1; ask eth0 ok", 3, networkMost},
		"a carrier that is late": {map[string]fakeLink{"eth0": {carrier: time.Second, answer: soon}},
			"up eth0 ok; carrier eth0 1; ask eth0 ok; offer eth0 1020", 1, 1040 * time.Millisecond},
		"an answer": {map[string]fakeLink{"eth0": {carrier: soon, answer: soon}}, "up eth0 ok; carrier eth0 1; ask eth0 ok; offer eth0 40", 1, 40 * time.Millisecond},
		"two": {map[string]fakeLink{"eth0": {upErr: syscall.EPERM}, "eth1": {carrier: soon, answer: 100 * time.Millisecond}},
			"up eth0 EPERM operation not permitted; up eth1 ok; carrier eth1 1; ask eth1 ok; offer eth1 120", 1, 120 * time.Millisecond},
		"none": {nil, "", 0, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var names []string
				for _, name := range []string{"eth0", "eth1"} {
					if _, ok := test.links[name]; ok {
						names = append(names, name)
					}
				}
				var n network.Note
				var closed, asks int
				begin := time.Now()
				require.NoError(t, tryNetwork(names, func(name string) (link, error) { return test.links[name].open(&closed, &asks) }, &n))
				require.Equal(t, test.want, strings.ReplaceAll(strings.TrimSpace(string(note.Text(&n))), "\n", "; "))
				require.Equal(t, test.asks, asks)
				require.LessOrEqual(t, time.Since(begin), test.most)
				if !strings.Contains(test.want, "EAFNOSUPPORT") {
					require.Equal(t, len(names), closed, "each is put back")
				}
			})
		})
	}
}

// A host that stops the VM for longer than is waited takes no carrier away.
func TestTryNetworkStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		var n network.Note
		require.NoError(t, tryNetwork([]string{"eth0"}, func(string) (link, error) {
			return link{
				up: func() error { return nil },
				carrier: func() bool {
					if looks++; looks == 1 {
						time.Sleep(2 * networkMost)
					}
					return looks > 2
				},
				ask:     func() error { return nil },
				offered: func() bool { return looks > 2 },
				close:   func() {},
			}, nil
		}, &n))
		require.Contains(t, string(note.Text(&n)), "carrier eth0 1\nask eth0 ok\noffer eth0 ")
	})
}

var (
	testAddress = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	testID      = exchange{1, 2, 3, 4}
)

// What insomniacslk/dhcp wrote for the same address and number.
func TestDiscover(t *testing.T) {
	p := discover(testAddress, testID)
	require.Zero(t, checksum(p[:ipHeader]), "as a whole it is 0")
	want := "45000148000000004011" + "79a6" + "00000000" + "ffffffff" + // IP
		"0044" + "0043" + "0134" + "0000" + // UDP
		"01010600" + "01020304" + "0000" + "8000" + strings.Repeat("0", 32) + // to everybody, no address
		"020000000001" + strings.Repeat("0", 2*(10+64+128)) + // of the hardware; no names
		"63825363" + "350101" + "ff" + strings.Repeat("0", 2*56)
	require.Equal(t, want, hex.EncodeToString(p))
}

// offer is an answer to discover.
func offer(options ...byte) []byte {
	p := discover(testAddress, testID)[:ipHeader+udpHeader+dhcpOptions+len(dhcpMagic)]
	p[21], p[23] = serverPort, clientPort
	p[ipHeader+udpHeader] = bootReply
	return append(p, options...)
}

func TestIsOffer(t *testing.T) {
	good := offer(optionType, 1, offerIs, optionEnd)
	const message = ipHeader + udpHeader
	bent := func(at int, to byte) []byte {
		b := bytes.Clone(good)
		b[at] = to
		return b
	}
	for name, packet := range map[string][]byte{
		"empty":                      {},
		"half a header":              good[:19],
		"no message":                 good[:message],
		"a message cut":              good[:200],
		"no options":                 good[:message+dhcpOptions],
		"half a magic number":        good[:message+dhcpOptions+3],
		"IPv6":                       bent(0, 0x65),
		"a header of 16 bytes":       bent(0, 0x44),
		"a header beyond the end":    append([]byte{0x4f}, good[1:30]...),
		"TCP":                        bent(9, 6),
		"another port":               bent(23, 69),
		"our own":                    discover(testAddress, testID),
		"another's":                  bent(message+4, 9),
		"a request":                  bent(message, bootRequest),
		"another magic number":       bent(message+dhcpOptions, 0),
		"a refusal":                  offer(optionType, 1, 6, optionEnd),
		"no type":                    offer(optionEnd),
		"a type behind the end":      offer(optionEnd, optionType, 1, offerIs, optionEnd),
		"a type of no bytes":         offer(optionType, 0, optionEnd),
		"a type of two bytes":        offer(optionType, 2, offerIs, offerIs, optionEnd),
		"no end":                     offer(optionType, 1, offerIs),
		"an option without a length": offer(optionType, 1, offerIs, 12),
		"an option beyond the end":   offer(optionType, 1, offerIs, 12, 9, 'x', optionEnd),
		"a type beyond the end":      offer(optionType, 1),
	} {
		require.False(t, isOffer(packet, testID), name)
	}
	for name, packet := range map[string][]byte{
		"an offer":                  good,
		"options of IP":             append(append([]byte{0x46}, good[1:20]...), append([]byte{1, 1, 1, 1}, good[20:]...)...),
		"padded, and after another": offer(optionPad, 12, 2, optionEnd, optionType, optionType, 1, offerIs, optionPad, optionEnd, 9),
	} {
		require.True(t, isOffer(packet, testID), name)
	}
}

// Whatever comes from the network is an offer or not, and only one that has
// our number is.
func FuzzIsOffer(f *testing.F) {
	f.Add(offer(optionType, 1, offerIs, optionEnd))
	f.Add(offer(12, 1, 'x', optionType, 1))
	f.Add(discover(testAddress, testID))
	f.Fuzz(func(t *testing.T, packet []byte) {
		if isOffer(packet, testID) {
			require.True(t, bytes.Contains(packet, testID[:]))
			require.Contains(t, string(packet), dhcpMagic)
		}
	})
}

func TestEthernet(t *testing.T) {
	require.Equal(t, []string{"eth0"}, ethernet([]network.Interface{{Name: "can0", Type: 280}, {Name: "eth0", Type: 1}}))
}
