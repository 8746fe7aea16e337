/** The last of the 257 records of the golden log (`tests/vectors`): its path is the one hash of the 256 before it. */
const CHECKPOINT = `sealtrail.test/log1
257
HdrG7YC4dQ541EDYLBPCVpxdFPZcekxJUv5oyI2nmoM=

— sealtrail.test/log1 IMsrVKIiZ1smuNchpPO0BbqbPDjscmR5Lce558DVffROyDxn/jnBZNAaNFnZlLbYAah/VjCwGwyoC2b066ahhipBWgw=
`

export const EXAMPLE = {
  line: '{"id":256,"data":{"a":"xxxxxx","b":768}}',
  proof: `c2sp.org/tlog-proof@v1\nindex 256\nKv5tm2VBcfQFYhDv/zNmsB77YQhN9oBdASEFTezv98k=\n\n${CHECKPOINT}`,
  vkey: 'sealtrail.test/log1+20cb2b54+AdBKsjJ0K7SrOhNovUYV5ObQIkq3GgFrr4UgozLJd4c3',
}
