/* SPDX-License-Identifier: MPL-2.0 */

#ifndef FARSTREAM_FS_CANDIDATE_H
#define FARSTREAM_FS_CANDIDATE_H

#include <glib.h>
#include <glib-object.h>

G_BEGIN_DECLS

/**
 * SECTION:fs-candidate
 * @short_description: One address at which media may be received
 *
 * A candidate names one transport address of one component of a stream: where it
 * is, which protocol it speaks and, for ICE, which credentials go with it. A
 * transmitter announces the local ones, the application carries them to the
 * peer, and hands the peer's to fs_stream_add_remote_candidates() or
 * fs_stream_force_remote_candidates().
 *
 * Candidates are plain structures. Get them from fs_candidate_new(),
 * fs_candidate_new_full() or fs_candidate_copy(), never from malloc, because
 * fs_candidate_destroy() gives the memory back to the slice allocator.
 *
 * Nothing guards a candidate or a list of them: use each in one thread at a time.
 * The functions themselves may be called in any thread.
 */

#define FS_TYPE_CANDIDATE (fs_candidate_get_type ())
#define FS_TYPE_CANDIDATE_LIST (fs_candidate_list_get_type ())

/**
 * FsCandidateType:
 * @FS_CANDIDATE_TYPE_HOST: an address of a local interface
 * @FS_CANDIDATE_TYPE_SRFLX: the address a server saw our packets come from
 * @FS_CANDIDATE_TYPE_PRFLX: the address the peer saw our packets come from
 * @FS_CANDIDATE_TYPE_RELAY: an address on a relay that forwards to us
 * @FS_CANDIDATE_TYPE_MULTICAST: a multicast group
 *
 * How the address of a candidate was obtained (RFC 8445, section 5.1.1).
 */
typedef enum
{
  FS_CANDIDATE_TYPE_HOST,
  FS_CANDIDATE_TYPE_SRFLX,
  FS_CANDIDATE_TYPE_PRFLX,
  FS_CANDIDATE_TYPE_RELAY,
  FS_CANDIDATE_TYPE_MULTICAST
} FsCandidateType;

/**
 * FsNetworkProtocol:
 * @FS_NETWORK_PROTOCOL_UDP: datagrams over UDP
 * @FS_NETWORK_PROTOCOL_TCP: TCP, this side waits for the connection
 * @FS_NETWORK_PROTOCOL_TCP_PASSIVE: the same value as @FS_NETWORK_PROTOCOL_TCP,
 *   under the name RFC 6544 gives it
 * @FS_NETWORK_PROTOCOL_TCP_ACTIVE: TCP, this side connects
 * @FS_NETWORK_PROTOCOL_TCP_SO: TCP simultaneous open, both sides connect
 *
 * The transport protocol of a candidate.
 */
typedef enum
{
  FS_NETWORK_PROTOCOL_UDP,
  FS_NETWORK_PROTOCOL_TCP,
  FS_NETWORK_PROTOCOL_TCP_PASSIVE = FS_NETWORK_PROTOCOL_TCP,
  FS_NETWORK_PROTOCOL_TCP_ACTIVE,
  FS_NETWORK_PROTOCOL_TCP_SO
} FsNetworkProtocol;

/**
 * FsComponentType:
 * @FS_COMPONENT_NONE: no component is meant
 * @FS_COMPONENT_RTP: the component that carries the media
 * @FS_COMPONENT_RTCP: the component that carries the control reports
 *
 * The numbers of the two components of an RTP stream.
 */
typedef enum
{
  FS_COMPONENT_NONE = 0,
  FS_COMPONENT_RTP = 1,
  FS_COMPONENT_RTCP = 2
} FsComponentType;

typedef struct _FsCandidate FsCandidate;

/**
 * FsCandidate:
 * @foundation: text that is equal for candidates of the same kind and origin
 * @component_id: the component, counted from 1; see #FsComponentType
 * @ip: the address as text; for the shm transmitter the path of a socket
 * @port: the port, 0 if there is none
 * @base_ip: the local address this one is derived from, or %NULL
 * @base_port: the port that belongs to @base_ip
 * @proto: the transport protocol
 * @priority: the ICE priority, 0 if unset
 * @type: how the address was obtained
 * @username: the ICE user name fragment, or %NULL
 * @password: the ICE password, or %NULL
 * @ttl: the time to live of multicast packets, 0 if unset
 *
 * One transport address of one component. All strings belong to the structure.
 */
struct _FsCandidate
{
  gchar *foundation;
  guint component_id;
  gchar *ip;
  guint16 port;
  gchar *base_ip;
  guint16 base_port;
  FsNetworkProtocol proto;
  guint32 priority;
  FsCandidateType type;
  gchar *username;
  gchar *password;
  guint ttl;
};

GType fs_candidate_get_type (void);

GType fs_candidate_list_get_type (void);

/**
 * fs_candidate_new:
 * @foundation: (nullable): the foundation, copied
 * @component_id: the component, counted from 1
 * @type: how the address was obtained
 * @proto: the transport protocol
 * @ip: (nullable): the address, copied
 * @port: the port; only the lower 16 bits count
 *
 * Makes a candidate from the fields every candidate has; the others are zero.
 *
 * Returns: (transfer full): a new candidate, to be freed with
 *   fs_candidate_destroy()
 */
FsCandidate *fs_candidate_new (const gchar *foundation, guint component_id,
    FsCandidateType type, FsNetworkProtocol proto, const gchar *ip, guint port);

/**
 * fs_candidate_new_full:
 * @foundation: (nullable): the foundation, copied
 * @component_id: the component, counted from 1
 * @ip: (nullable): the address, copied
 * @port: the port
 * @base_ip: (nullable): the address @ip is derived from, copied
 * @base_port: the port that belongs to @base_ip
 * @proto: the transport protocol
 * @priority: the ICE priority
 * @type: how the address was obtained
 * @username: (nullable): the ICE user name fragment, copied
 * @password: (nullable): the ICE password, copied
 * @ttl: the time to live of multicast packets
 *
 * Makes a candidate from all of its fields. Mind that the order of the arguments
 * is not that of fs_candidate_new().
 *
 * Returns: (transfer full): a new candidate, to be freed with
 *   fs_candidate_destroy()
 */
FsCandidate *fs_candidate_new_full (const gchar *foundation, guint component_id,
    const gchar *ip, guint16 port, const gchar *base_ip, guint16 base_port,
    FsNetworkProtocol proto, guint32 priority, FsCandidateType type,
    const gchar *username, const gchar *password, guint ttl);

/**
 * fs_candidate_copy:
 * @cand: the candidate to copy; C callers may pass %NULL
 *
 * Copies a candidate with all its strings.
 *
 * Returns: (transfer full): the copy, %NULL for %NULL
 */
FsCandidate *fs_candidate_copy (const FsCandidate *cand);

/**
 * fs_candidate_destroy: (skip)
 * @cand: the candidate to free, or %NULL
 *
 * Frees a candidate and its strings.
 */
void fs_candidate_destroy (FsCandidate *cand);

/**
 * fs_candidate_list_copy:
 * @candidate_list: (element-type FsCandidate): a list of candidates
 *
 * Copies a list and every candidate in it.
 *
 * Returns: (element-type FsCandidate) (transfer full): the copy
 */
GList *fs_candidate_list_copy (const GList *candidate_list);

/**
 * fs_candidate_list_destroy: (skip)
 * @candidate_list: the list to free; %NULL is the empty list
 *
 * Frees a list and every candidate in it.
 */
void fs_candidate_list_destroy (GList *candidate_list);

/**
 * fs_value_set_candidate_list:
 * @value: a #GValue that holds nothing yet
 * @candidates: (element-type FsCandidate) (nullable): the candidates, copied
 *
 * Initialises @value as a list of candidates. Languages that see a list box as a
 * native list cannot build such a value themselves, and need one for the
 * parameter "preferred-local-candidates" of fs_stream_set_transmitter_ht().
 */
void fs_value_set_candidate_list (GValue *value, GList *candidates);

G_END_DECLS

#endif /* FARSTREAM_FS_CANDIDATE_H */
