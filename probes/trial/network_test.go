package trial

import (
	"bytes"
	"encoding/binary"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/stretchr/testify/require"

	"vmspec/probes/network"
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
				var out bytes.Buffer
				var closed, asks int
				begin := time.Now()
				require.NoError(t, tryNetwork(names, func(name string) (link, error) { return test.links[name].open(&closed, &asks) }, &out))
				require.Equal(t, test.want, strings.ReplaceAll(strings.TrimSpace(out.String()), "\n", "; "))
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
		var out bytes.Buffer
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
		}, &out))
		require.Contains(t, out.String(), "carrier eth0 1\nask eth0 ok\noffer eth0 ")
	})
}

var (
	testAddress = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	testID      = dhcpv4.TransactionID{1, 2, 3, 4}
)

func TestDiscover(t *testing.T) {
	p := discover(testAddress, testID)
	require.Zero(t, checksum(p[:ipHeader]), "as a whole it is 0")
	require.Equal(t, uint16(len(p)), binary.BigEndian.Uint16(p[2:]))
	require.Equal(t, []byte{0, clientPort, 0, serverPort}, p[ipHeader:][:4])
	require.Equal(t, uint16(len(p)-ipHeader), binary.BigEndian.Uint16(p[ipHeader+4:]))
	message, err := dhcpv4.FromBytes(p[ipHeader+udpHeader:])
	require.NoError(t, err)
	require.Equal(t, dhcpv4.MessageTypeDiscover, message.MessageType())
	require.Equal(t, testAddress, message.ClientHWAddr)
	require.Equal(t, testID, message.TransactionID)
	require.True(t, message.IsBroadcast(), "no address of ours can be sent to")
}

// offer is an answer to discover, with changes.
func offer(t testing.TB, change func(m *dhcpv4.DHCPv4)) []byte {
	t.Helper()
	m, err := dhcpv4.FromBytes(discover(testAddress, testID)[ipHeader+udpHeader:])
	require.NoError(t, err)
	m.OpCode = dhcpv4.OpcodeBootReply
	m.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeOffer))
	change(m)
	header := discover(testAddress, testID)[:ipHeader+udpHeader]
	header[21], header[23] = serverPort, clientPort
	return append(header, m.ToBytes()...)
}

func TestIsOffer(t *testing.T) {
	good := offer(t, func(*dhcpv4.DHCPv4) {})
	bent := func(at int, to byte) []byte {
		b := bytes.Clone(good)
		b[at] = to
		return b
	}
	for name, packet := range map[string][]byte{
		"empty":                   {},
		"half a header":           good[:19],
		"no message":              good[:28],
		"a message cut":           good[:200],
		"IPv6":                    bent(0, 0x65),
		"a header of 16 bytes":    bent(0, 0x44),
		"a header beyond the end": append([]byte{0x4f}, good[1:30]...),
		"TCP":                     bent(9, 6),
		"another port":            bent(23, 69),
		"our own":                 discover(testAddress, testID),
		"another's":               offer(t, func(m *dhcpv4.DHCPv4) { m.TransactionID[0]++ }),
		"a refusal":               offer(t, func(m *dhcpv4.DHCPv4) { m.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeNak)) }),
		"a request":               offer(t, func(m *dhcpv4.DHCPv4) { m.OpCode = dhcpv4.OpcodeBootRequest }),
		"no cookie":               bent(28+236, 0),
	} {
		require.False(t, isOffer(packet, testID), name)
	}
	require.True(t, isOffer(good, testID))
	options := append(append([]byte{0x46}, good[1:20]...), append([]byte{1, 1, 1, 1}, good[20:]...)...)
	require.True(t, isOffer(options, testID), "a header with options")
}

// Whatever comes from the network is an offer or not, and only one that has
// our number is.
func FuzzIsOffer(f *testing.F) {
	f.Add(offer(f, func(*dhcpv4.DHCPv4) {}))
	f.Add(discover(testAddress, testID))
	f.Fuzz(func(t *testing.T, packet []byte) {
		if isOffer(packet, testID) {
			require.True(t, bytes.Contains(packet, testID[:]))
		}
	})
}

func TestEthernet(t *testing.T) {
	require.Equal(t, []string{"eth0"}, ethernet([]network.Interface{{Name: "can0", Type: 280}, {Name: "eth0", Type: 1}}))
}
